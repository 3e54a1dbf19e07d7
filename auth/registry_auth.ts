import { ApiError, AuthenticationError } from "../errors.ts";
import { abortable } from "./abortable.ts";
import {
  checkCredential,
  type Credential,
  type CredentialSource,
  type CredentialTarget,
  sameCredential,
} from "./credential.ts";
import type { Scheme } from "./scheme.ts";

/** How many repositories' credentials are remembered; a source that is asked again does no harm. */
const CREDENTIALS_KEPT = 1_000;

/** How many different credentials one registry may have before tokens of the first are asked anew. */
const ASKERS_KEPT = 32;

/** A credential that was checked, or nobody. */
export type Asker = Readonly<Credential> | undefined;

interface Memory {
  asker: Promise<Asker>;
  /** What came of it, once it has. */
  answered?: { asker: Asker };
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
   * wait for it; what it throws is not remembered. Equal credentials are one and the same object.
   *
   * @throws {AuthenticationError} When the source fails; its own error is the cause.
   * @throws {InvalidOptionError} When what it answers cannot be used.
   */
  credential(
    source: CredentialSource,
    target: CredentialTarget,
    signal?: AbortSignal,
  ): Promise<Asker> {
    const { repository = "" } = target;
    const memory = this.#memories.get(repository) ?? this.#ask(source, target, repository);
    return abortable(memory.asker, signal);
  }

  /** The credentials for a target whose last ones the registry refused: the source is asked again. */
  otherCredential(
    source: CredentialSource,
    target: CredentialTarget,
    refused: Asker,
    signal?: AbortSignal,
  ): Promise<Asker> {
    const { repository = "" } = target;
    const answered = this.#memories.get(repository)?.answered;
    if (answered !== undefined && answered.asker === refused) this.#memories.delete(repository);
    return this.credential(source, target, signal);
  }

  /** Whether this is the first time that credentials are kept from an origin. */
  firstWithheld(origin: string): boolean {
    if (this.#withheld.has(origin)) return false;
    this.#withheld.add(origin);
    return true;
  }

  #ask(source: CredentialSource, target: CredentialTarget, repository: string): Memory {
    const memory: Memory = { asker: askSource(source, target).then((found) => this.#known(found)) };
    memory.asker.then((asker) => {
      memory.answered = { asker };
    }, () => {
      if (this.#memories.get(repository) === memory) this.#memories.delete(repository);
    });
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

async function askSource(source: CredentialSource, target: CredentialTarget): Promise<Asker> {
  let answer: Credential | undefined;
  try {
    answer = await source(target);
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw new AuthenticationError(
      `Cannot get credentials for ${target.host}: the credential source failed`,
      { cause },
    );
  }
  return checkCredential(answer ?? {});
}
