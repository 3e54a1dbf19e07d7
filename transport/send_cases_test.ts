/**
 * What every way of sending does, against servers that say each byte themselves. Nothing here is
 * Deno's: the same cases run on Node and Bun.
 */
import { backPressureCases, bodyCases, refusalCases } from "./send_body_cases_test.ts";
import type { SendCase } from "./send_case_test.ts";
import { abortCases, failureCases } from "./send_failure_cases_test.ts";
import { brokenBodyCases, responseCases } from "./send_response_cases_test.ts";

/** Every case. */
export const sendCases: SendCase[] = [
  ...responseCases,
  ...brokenBodyCases,
  ...bodyCases,
  ...refusalCases,
  ...backPressureCases,
  ...failureCases,
  ...abortCases,
];
