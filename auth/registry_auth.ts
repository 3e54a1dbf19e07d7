import type { ApiError } from "../errors.ts";
import { type Credential, type CredentialTarget, sameCredential } from "./credential.ts";
import type { Scheme } from "./scheme.ts";
import type { ToldSource } from "./told_source.ts";
import { untilAborted } from "../transport/until_aborted.ts";

/** How many repositories' credentials are remembered; a source that is asked again does no harm. */
const CREDENTIALS_KEPT = 1_000;

/** How many different credentials one registry may have before tokens of the first are asked anew. */
const ASKERS_KEPT = 32;

/** A credential that was checked, or nobody. */
export type Asker = Readonly<Credential> | undefined;

/** How many origins are told of once; a registry that names others all the time is told of again. */
const WITHHELD_KEPT = 100;

interface Memory {
  asker: Promise<Asker>;
  /** What came of it, once it has; a source that failed answered nobody. */
  answered?: { asker: Asker; failure?: ApiError };
}

/**
 * What the clients of one registry know together: how it wants to be asked, and what the credential
 * source answered. Only clients with the same credentials and `trustedRealms` may share one.
 * Nothing secret shows when it is printed.
 */
export class RegistryAuth {
  #scheme: Scheme | undefined;
  readonly #memories = new Map<string, Memory>();
  #askers: Readonly<Credential>[] = [];
  readonly #withheld = new Set<string>();

  /** What the registry's last challenge said; `none` when it answered without one. */
  get scheme(): Scheme | undefined {
    return this.#scheme;
  }

  /** Remembers how the registry wants to be asked. */
  learn(scheme: Scheme): void {
    this.#scheme = scheme;
  }

  /**
   * The credentials for a target. The source is asked once for each repository, however many calls
   * wait for it; one that fails answers nobody, see {@linkcode takeFailure}. Equal credentials are
   * one and the same object.
   */
  credential(
    source: ToldSource,
    target: CredentialTarget,
    signal?: AbortSignal,
  ): Promise<Asker> {
    const { repository = "" } = target;
    const memory = this.#memories.get(repository) ?? this.#ask(source, target, repository);
    return untilAborted(memory.asker, signal);
  }

  /** The credentials for a target whose last ones the registry refused: the source is asked again. */
  otherCredential(
    source: ToldSource,
    target: CredentialTarget,
    refused: Asker,
    signal?: AbortSignal,
  ): Promise<Asker> {
    const { repository = "" } = target;
    const answered = this.#memories.get(repository)?.answered;
    if (answered !== undefined && answered.asker === refused) this.#memories.delete(repository);
    return this.credential(source, target, signal);
  }

  /**
   * Why the source gave nobody for a repository, where it failed. It is forgotten with that, so that
   * the next call asks the source again; while anonymous requests do, nobody asks a source that fails.
   */
  takeFailure(repository = ""): ApiError | undefined {
    const failure = this.#memories.get(repository)?.answered?.failure;
    if (failure !== undefined) this.#memories.delete(repository);
    return failure;
  }

  /** Whether this is the first time that credentials are kept from an origin. */
  firstWithheld(origin: string): boolean {
    if (this.#withheld.has(origin)) return false;
    if (this.#withheld.size >= WITHHELD_KEPT) this.#withheld.clear();
    this.#withheld.add(origin);
    return true;
  }

  #ask(source: ToldSource, target: CredentialTarget, repository: string): Memory {
    const memory: Memory = {
      asker: source(target).then((found) => {
        memory.answered = { asker: this.#known(found) };
        return memory.answered.asker;
      }, (failure: ApiError) => {
        memory.answered = { asker: undefined, failure };
        return undefined;
      }),
    };
    for (const oldest of this.#memories.keys()) {
      if (this.#memories.size < CREDENTIALS_KEPT) break;
      this.#memories.delete(oldest);
    }
    this.#memories.set(repository, memory);
    return memory;
  }

  #known(found: Asker): Asker {
    if (found === undefined) return undefined;
    const known = this.#askers.find((asker) => sameCredential(asker, found));
    if (known !== undefined) return known;
    this.#askers = [found, ...this.#askers].slice(0, ASKERS_KEPT);
    return found;
  }
}
