import { isLoopback } from "../../content/loopback.ts";
import { CredentialError } from "../../errors.ts";
import type { Credential, CredentialTarget } from "../credential.ts";
import { type Candidate, candidatesIn } from "./candidates.ts";
import { configKey } from "./config_keys.ts";
import { helperProgram } from "./helper_protocol.ts";

/**
 * One search for credentials through several configs. What fails on the way, a broken config or a
 * helper that is not there, does not end it: it is reported where credentials are found all the same,
 * and thrown where there are none.
 */
export class ConfigSearch {
  readonly #target: CredentialTarget;
  readonly #report: (failure: unknown) => void;
  readonly #tried: Candidate[] = [];
  readonly #failures: unknown[] = [];
  /** Helpers that failed: under another key they would only fail, or ask for a password, again. */
  readonly #broken = new Set<string>();

  constructor(target: CredentialTarget, report: (failure: unknown) => void = () => {}) {
    this.#target = target;
    this.#report = report;
  }

  /** Where a config says that credentials may be, best first; of a broken config, nowhere. */
  *candidates(text: string | undefined, source: string): Generator<Candidate> {
    let candidates: Candidate[] = [];
    try {
      candidates = candidatesIn(text, source, this.#target, this.#tried);
    } catch (error) {
      this.failed(error);
    }
    for (const candidate of candidates) {
      this.#tried.push(candidate);
      if (!("helper" in candidate && this.#broken.has(candidate.helper))) yield candidate;
    }
  }

  failed(error: unknown, candidate?: Candidate): void {
    this.#failures.push(error);
    if (candidate && "helper" in candidate) this.#broken.add(candidate.helper);
  }

  /** Whether a candidate's answer is what was looked for. */
  takes(found: Credential | undefined, candidate: Candidate): boolean {
    if (found === undefined) return false;
    const refusal = plainHttpRefusal(candidate, this.#target);
    if (refusal === undefined) return true;
    this.#failures.push(refusal);
    return false;
  }

  /**
   * Ends the search.
   *
   * @throws The first failure, where nothing was found.
   */
  end(found: Credential | undefined): Credential | undefined {
    const [first, ...others] = this.#failures;
    for (const failure of found === undefined ? others : this.#failures) this.#report(failure);
    if (found === undefined && this.#failures.length > 0) throw first;
    return found;
  }
}

/**
 * Why credentials do not go over plain http: what is kept under `https://` never does; what is kept for
 * a bare host does where that is this machine, or `hosts` says so.
 */
function plainHttpRefusal(
  candidate: Candidate,
  { host, scheme, plainHttp }: CredentialTarget,
): CredentialError | undefined {
  const [key, source] = "helper" in candidate
    ? [candidate.server, helperProgram(candidate.helper)]
    : [candidate.key, candidate.config.source];
  const kept = configKey(key).scheme;
  const allowed = scheme !== "http" || kept === "http" ||
    (kept === undefined && (plainHttp === true || isLoopback(host)));
  if (allowed) return undefined;
  const remedy = `hosts: {${JSON.stringify(host)}: {plainHttp: true}}`;
  return new CredentialError(
    `Cannot use the credentials for ${key} in ${source}: they would go to ${host} over plain http; ` +
      (kept === undefined
        ? `the option ${remedy} allows it`
        : `what is kept under https:// never does; log in to ${host} without it, and give ${remedy}`),
    { source },
  );
}
