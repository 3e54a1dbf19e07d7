import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { InvalidOptionError } from "../errors.ts";
import { redactUrl } from "./redact.ts";

/**
 * A mirror of a registry. It sees no credentials that were given for the registry: only a
 * `CredentialSource` is asked, with the mirror's own host.
 *
 * @example
 * ```ts
 * import { type MirrorOptions, RegistryClientV2 } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const mirrors: MirrorOptions[] = [
 *   { url: "http://localhost:5000" },
 *   { url: "https://harbor.example.com/dockerhub", digestsOnly: true },
 * ];
 * const hosts = { "registry-1.docker.io": { mirrors } };
 * const client = new RegistryClientV2({ name: "alpine", hosts });
 *
 * assertEquals(client.origin, "https://registry-1.docker.io");
 * ```
 */
export interface MirrorOptions {
  /**
   * Where it is; a path is put before each repository's name: `https://mirror.example.com/cache` has
   * `library/alpine` as `cache/library/alpine`.
   */
  url: string;
  /** Whether it is asked for digests alone: what a tag names is the registry's to say. @default {false} */
  digestsOnly?: boolean;
  /**
   * Whether it is told whose mirror it is with each request, by the query `ns=docker.io`: for one that
   * stands for several registries, as containerd asks it.
   * @default {false}
   */
  ns?: boolean;
}

const MIRROR_OPTIONS: OptionNames<MirrorOptions> = names("url digestsOnly ns");

/** A mirror, ready for use. */
export interface Mirror {
  /** Its origin. */
  origin: string;
  /** Its host. */
  host: string;
  /** What stands before each repository's name: `cache/`, or nothing. */
  prefix: string;
  /** Whether it is asked for digests alone. */
  digestsOnly: boolean;
  /** Whether it is told whose mirror it is. */
  ns: boolean;
}

/** One component of a repository's name, as the specification has it. */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

/**
 * The mirrors that options name.
 *
 * @throws {InvalidOptionError} When one is not an http or https URL with, at most, the beginning of a
 * repository's name as its path.
 */
export function checkMirrors(option: string, mirrors: readonly MirrorOptions[]): Mirror[] {
  return mirrors.map((mirror, index) => {
    checkOptions(mirror, MIRROR_OPTIONS, `${option}[${index}]`);
    const { url: given, digestsOnly = false, ns = false } = mirror;
    const url = URL.canParse(given) ? new URL(given) : undefined;
    const path = url?.pathname.replace(/^\/|\/$/g, "") ?? "";
    const usable = url !== undefined && /^https?:$/.test(url.protocol) &&
      url.href.replace(/\/$/, "") === `${url.origin}${path && `/${path}`}` &&
      (path === "" || path.split("/").every((part) => COMPONENT.test(part)));
    if (!usable) {
      throw new InvalidOptionError(
        `Cannot use ${option}[${index}].url as it must be http or https, a host, and the beginning ` +
          `of a repository's name or nothing: current value is ${redactUrl(given)}`,
      );
    }
    return { origin: url.origin, host: url.host, prefix: path && `${path}/`, digestsOnly, ns };
  });
}
