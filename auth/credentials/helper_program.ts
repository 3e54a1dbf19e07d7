import {
  CredentialError,
  LimitError,
  TimeoutError,
  UnsupportedRuntimeError,
} from "../../errors.ts";
import { encodeText } from "../../content/bytes.ts";
import {
  canRunPrograms,
  type RunOptions,
  type RunOutcome,
  runProgram,
  runProgramSync,
} from "../../runtime/process.ts";
import type { CredentialHelperResult, CredentialHelperVerb } from "./credential_helper.ts";
import { helperProgram } from "./helper_protocol.ts";
import type { HelperLimits } from "./limits.ts";

/**
 * Runs `docker-credential-<name> <verb>`.
 *
 * @throws {CredentialError} When it is not there, or cannot be started.
 * @throws {LimitError} When its output is too long.
 * @throws {TimeoutError} When it takes too long.
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 */
export async function runHelper(
  name: string,
  verb: CredentialHelperVerb,
  input: string,
  limits: HelperLimits,
): Promise<CredentialHelperResult> {
  return resultOf(await runProgram(...programRun(name, verb, input, limits)), name, limits);
}

export function runHelperSync(
  name: string,
  verb: CredentialHelperVerb,
  input: string,
  limits: HelperLimits,
): CredentialHelperResult {
  return resultOf(runProgramSync(...programRun(name, verb, input, limits)), name, limits);
}

function programRun(
  name: string,
  verb: CredentialHelperVerb,
  input: string,
  limits: HelperLimits,
): [program: string, args: string[], options: RunOptions] {
  const program = helperProgram(name);
  if (canRunPrograms()) return [program, [verb], { ...limits, input: encodeText(input) }];
  throw new UnsupportedRuntimeError(`Cannot run ${program}: this runtime runs no programs`);
}

function resultOf(
  outcome: RunOutcome,
  name: string,
  { timeout, maxBytes }: HelperLimits,
): CredentialHelperResult {
  const program = helperProgram(name);
  const failed = `Cannot run ${program}: it`;
  switch (outcome.ended) {
    case "by itself": {
      const decoder = new TextDecoder();
      const [stdout, stderr] = [decoder.decode(outcome.stdout), decoder.decode(outcome.stderr)];
      return { code: outcome.code ?? -1, stdout, stderr }; // a signal has no code
    }
    case "not found":
      throw new CredentialError(
        `${failed} is not on the PATH; install it, or take it out of the config`,
        { cause: outcome.cause, source: program },
      );
    case "not started":
      throw new CredentialError(
        `Cannot run ${program}: the system does not let this program; look at who may run it`,
        { cause: outcome.cause, source: program },
      );
    case "timeout":
      throw new TimeoutError(
        `${failed} did not end within the limit helperTimeout of ${timeout} ms`,
      );
    case "too much output":
      throw new LimitError(
        `${failed} says more than the limit helperBytes of ${maxBytes} bytes`,
        { limit: "helperBytes", maximum: maxBytes },
      );
  }
}
