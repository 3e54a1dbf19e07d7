import {
  CredentialError,
  LimitError,
  TimeoutError,
  UnsupportedRuntimeError,
} from "../../errors.ts";
import { encodeText } from "../../content/bytes.ts";
import type { Variables } from "../../runtime/environment.ts";
import {
  canRunPrograms,
  type RunOptions,
  type RunOutcome,
  runProgram,
  runProgramSync,
} from "../../runtime/process.ts";
import type { CredentialHelperResult, CredentialHelperVerb } from "./credential_helper.ts";
import { helperProgram } from "./helper_protocol.ts";

/** How long a helper may take, in milliseconds: it may ask a person to unlock a keychain. */
export const HELPER_TIMEOUT_MS = 60_000;

/** The most that a helper may say, in bytes; credentials have a few hundred, lists some thousands. */
export const MAX_HELPER_BYTES: number = 1024 * 1024;

/** The limits of a helper. */
export interface HelperLimits {
  /** How long it may take, in milliseconds. */
  timeout: number;
  /** The most it may say, in bytes. */
  maxBytes: number;
  /** Its environment. @default {this process's} */
  environment?: Variables;
}

/**
 * Runs `docker-credential-<name> <verb>`.
 *
 * @throws {CredentialError} When it is not there, or cannot be started.
 * @throws {LimitError} When it says too much.
 * @throws {TimeoutError} When it takes too long.
 * @throws {UnsupportedRuntimeError} In a browser or a worker.
 */
export async function runHelperProgram(
  name: string,
  verb: CredentialHelperVerb,
  input: string,
  limits: HelperLimits,
): Promise<CredentialHelperResult> {
  const program = programOf(name);
  return resultOf(await runProgram(program, [verb], runOptions(input, limits)), program, limits);
}

/** {@linkcode runHelperProgram} for callers that cannot wait. */
export function runHelperProgramSync(
  name: string,
  verb: CredentialHelperVerb,
  input: string,
  limits: HelperLimits,
): CredentialHelperResult {
  const program = programOf(name);
  return resultOf(runProgramSync(program, [verb], runOptions(input, limits)), program, limits);
}

function programOf(name: string): string {
  const program = helperProgram(name);
  if (canRunPrograms()) return program;
  throw new UnsupportedRuntimeError(`Cannot run ${program}: this runtime runs no programs`);
}

function runOptions(input: string, limits: HelperLimits): RunOptions {
  const { timeout, maxBytes, environment } = limits;
  return { input: encodeText(input), timeout, maxBytes, ...(environment && { environment }) };
}

function resultOf(
  outcome: RunOutcome,
  program: string,
  { timeout, maxBytes }: HelperLimits,
): CredentialHelperResult {
  const source = program;
  switch (outcome.ended) {
    case "by itself": {
      const decoder = new TextDecoder();
      const [stdout, stderr] = [decoder.decode(outcome.stdout), decoder.decode(outcome.stderr)];
      return { code: outcome.code ?? -1, stdout, stderr }; // a signal has no code
    }
    case "not found":
      throw new CredentialError(
        `Cannot run ${program}: it is not on the PATH; install it, or take it out of the config`,
        { cause: outcome.cause, source },
      );
    case "not started":
      throw new CredentialError(
        `Cannot run ${program}: the system does not let this program; look at who may run it`,
        { cause: outcome.cause, source },
      );
    case "timeout":
      throw new TimeoutError(
        `Cannot run ${program}: it did not end within the limit helperTimeout of ${timeout} ms`,
      );
    case "too much output":
      throw new LimitError(
        `Cannot run ${program}: it says more than the limit helperBytes of ${maxBytes} bytes`,
        { limit: "helperBytes", maximum: maxBytes },
      );
  }
}
