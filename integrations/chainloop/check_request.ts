import { isObject } from "../../content/json_object.ts";
import { Validator } from "@cfworker/json-schema";
import { ChainloopError } from "./chainloop_error.ts";
import type { InputSchema } from "./schemas.ts";

/** Keywords that only repeat what another error says of the field. */
const REPEATED = ["properties", "false"];

/**
 * Checks a request by its schema and answers a copy: what was checked is what is used.
 *
 * @throws {ChainloopError} When the schema refuses it; the message names the fields, and no values.
 */
export function checkRequest<T>(schema: InputSchema, request: T, name: string): T {
  const plain = isObject(request);
  // JSON has no `undefined`: an option that is undefined is one that was left out.
  const fields = plain
    ? Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined))
    : request;
  const problem = problemOf(schema, fields);
  if (problem === undefined) return fields as T;
  throw new ChainloopError(`invalid ${name} request: ${problem}`, { code: "INVALID_REQUEST" });
}

function problemOf(schema: InputSchema, value: unknown): string | undefined {
  try {
    // A copy, as the validator writes to its schema.
    const validator = new Validator(JSON.parse(JSON.stringify(schema)), "2020-12", false);
    const { valid, errors } = validator.validate(value);
    if (valid) return undefined;
    return errors.filter(({ keyword }) => !REPEATED.includes(keyword))
      .map(({ instanceLocation, error }) => `${instanceLocation.replace(/^#\/?/, "")} ${error}`)
      .join(" ").trim();
  } catch (error) {
    return (error as Error).message; // a value that JSON does not have, such as a function
  }
}
