/**
 * Sources of credentials are written once, as generators that ask two things of the machine (read a
 * text, run a helper) and know nothing of how it is done: so that one source can be driven by a
 * caller that waits, and by one that cannot.
 *
 * @module
 */
import type {
  CredentialHelper,
  CredentialHelperResult,
  CredentialHelperVerb,
} from "./credential_helper.ts";

/** What a source asks of the machine. */
export type Question =
  | { ask: "text"; path: string }
  | { ask: "helper"; name: string; verb: CredentialHelperVerb; input: string };

/** A source at work: it asks, is given answers, and comes to a result. */
export type Steps<T> = Generator<Question, T, unknown>;

/** What answers the questions of a source; may take its time. */
export interface Machine {
  /** The text of a file; `undefined` where there is none. */
  read: (path: string) => string | undefined | Promise<string | undefined>;
  /** Runs a helper. */
  helper: CredentialHelper;
}

/** A {@linkcode Machine} that answers at once. */
export interface SyncMachine {
  /** The text of a file; `undefined` where there is none. */
  read: (path: string) => string | undefined;
  /** Runs a helper. */
  helper: (name: string, verb: CredentialHelperVerb, input: string) => CredentialHelperResult;
}

/** Asks for the text of a file; `undefined` where there is none. */
export function* readText(path: string): Steps<string | undefined> {
  return (yield { ask: "text", path }) as string | undefined;
}

/** Asks for a helper to be run. */
export function* runHelper(
  name: string,
  verb: CredentialHelperVerb,
  input: string,
): Steps<CredentialHelperResult> {
  return (yield { ask: "helper", name, verb, input }) as CredentialHelperResult;
}

/** Answers what a source asks until it is done; what the machine throws, the source sees. */
export async function drive<T>(steps: Steps<T>, machine: Machine): Promise<T> {
  let step = steps.next();
  while (!step.done) {
    let answer: unknown;
    try {
      answer = await answerOf(step.value, machine);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(answer);
  }
  return step.value;
}

/** {@linkcode drive} for callers that cannot wait. */
export function driveSync<T>(steps: Steps<T>, machine: SyncMachine): T {
  let step = steps.next();
  while (!step.done) {
    let answer: unknown;
    try {
      answer = answerOf(step.value, machine);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(answer);
  }
  return step.value;
}

function answerOf(question: Question, { read, helper }: Machine): unknown {
  if (question.ask === "text") return read(question.path);
  return helper(question.name, question.verb, question.input);
}
