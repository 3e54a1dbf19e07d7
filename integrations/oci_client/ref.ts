import { quoteInput } from "../../reference/quote_input.ts";
import { checkRepositoryName } from "../../reference/repository_name.ts";
import { checkTag } from "../../reference/tag.ts";
import { Digest } from "./digest.ts";

/** A tag or a digest. */
export type Reference = string | Digest;

const DOMAIN = /^(?:[a-z\d](?:[a-z\d.-]*[a-z\d])?|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/** Whether a text is a host, with or without a port. */
export function isDomain(text: string): boolean {
  return DOMAIN.test(text);
}

/**
 * A reference to a repository, or to something in it.
 *
 * @example
 * ```ts
 * import { Ref } from "@davit/registry-client/oci-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { domain, name, reference } = Ref.parse("ghcr.io/you/app:v1");
 * assertEquals([domain, name, reference], ["ghcr.io", "you/app", "v1"]);
 * assertEquals(Ref.parse("localhost/app").name, "localhost/app");
 * ```
 */
export class Ref {
  /** The repository's name: nothing is added to it. */
  readonly name: string;
  /** The registry, where it was given. */
  readonly domain?: string;
  /** The tag or the digest, where it was given. */
  readonly reference?: Reference;

  /**
   * Reads `[domain/]name[:tag|@digest]`. Only a `.` or a `:` in what stands before the first `/` makes
   * it a domain.
   *
   * @throws {SyntaxError} When its digest is not one.
   * @throws {Error} When another part breaks its grammar.
   */
  static parse(text: string): Ref {
    const slash = text.indexOf("/");
    const first = text.slice(0, Math.max(0, slash));
    const domain = /[.:]/.test(first) ? first : undefined;
    const rest = domain === undefined ? text : text.slice(slash + 1);
    const [, name, tag, digest] = /^([^:@]*)(?::([^@:]*)|@(.*))?$/s.exec(rest) ?? [];
    if (name === undefined) throw new SyntaxError(`Cannot use ${quoteInput(text)} as a reference`);
    const reference = digest === undefined ? tag : Digest.parse(digest);
    return new Ref(name, {
      ...(domain !== undefined && { domain }),
      ...(reference !== undefined && { reference }),
    });
  }

  /**
   * A reference of these parts.
   *
   * @throws {SyntaxError} When the digest is not one.
   * @throws {Error} When another part breaks its grammar.
   */
  constructor(name: string, extra: { domain?: string; reference?: Reference } = {}) {
    const { domain, reference } = extra;
    this.name = checkRepositoryName(name);
    if (domain !== undefined) {
      if (!isDomain(domain)) throw new Error("invalid domain");
      this.domain = domain;
    }
    if (reference !== undefined) this.reference = checkReference(reference);
  }

  /** The same in another registry. */
  withDomain(domain: string): Ref {
    return new Ref(this.name, { ...this, domain });
  }

  /** The same repository with another tag or digest. */
  withReference(reference: Reference): Ref {
    return new Ref(this.name, { ...this, reference });
  }

  /** The text that `parse` reads. */
  toString(): string {
    const { domain, name, reference } = this;
    const prefix = domain === undefined ? "" : `${domain}/`;
    if (reference === undefined) return prefix + name;
    return `${prefix}${name}${reference instanceof Digest ? "@" : ":"}${reference}`;
  }
}

function checkReference(reference: Reference): Reference {
  if (reference instanceof Digest) return reference;
  return reference.includes(":") ? Digest.parse(reference) : checkTag(reference);
}
