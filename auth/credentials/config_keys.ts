/** What a key of Docker's or podman's config stands for. */
interface ConfigKey {
  /** The registry's host in lower case, with its port; `docker.io` for all names of Docker Hub. */
  host: string;
  /** The repositories it is for, as the beginning of their path; empty for all of the registry. */
  path: string;
  /** The scheme in front of it, where it is a URL. */
  scheme?: Scheme;
}

type Scheme = "http" | "https";

const DOCKER_HUB_KEY = "https://index.docker.io/v1/";

/**
 * What docker's login by a browser keeps beside the password that it made: tokens for Docker's
 * accounts, which are no registry's credentials.
 *
 * @see https://github.com/docker/cli/blob/master/internal/oauth/manager/manager.go
 */
export const WEB_LOGIN_KEYS: readonly string[] = [
  `${DOCKER_HUB_KEY}access-token`,
  `${DOCKER_HUB_KEY}refresh-token`,
];

export const DOCKER_HUB = "docker.io";

const DOCKER_HUB_HOSTS: readonly string[] = [DOCKER_HUB, "index.docker.io", "registry-1.docker.io"];

/**
 * Reads a key: `ghcr.io`, `https://ghcr.io/v2/_catalog`, `quay.io/org/repo`. Of a URL the host alone
 * counts, as for podman and oras; the path of another key narrows it, unless it is the `v1` or `v2` of
 * old clients.
 *
 * @param spoken How the host of a key without a scheme is spoken to: that scheme's port is left out.
 */
export function configKey(key: string, spoken: Scheme = "https"): ConfigKey {
  const [prefix = "", named] = /^(https?):\/\//i.exec(key) ?? [];
  const scheme = named?.toLowerCase() as Scheme | undefined;
  const [first = "", ...rest] = key.slice(prefix.length).split(scheme ? /[/?#]/ : "/");
  const path = rest.filter((part) => part !== "").join("/");
  const port = (scheme ?? spoken) === "http" ? /:80$/ : /:443$/;
  const host = canonicalHost(first).replace(port, "");
  return {
    host: DOCKER_HUB_HOSTS.includes(host) ? DOCKER_HUB : host,
    path: scheme !== undefined || /^v[12]$/.test(path) ? "" : path,
    ...(scheme && { scheme }),
  };
}

/** A host as URLs have it. Beyond ASCII nothing is lower-cased: the Kelvin sign becomes "k". */
function canonicalHost(text: string): string {
  const [, address, port = ""] = /^(\[[\da-f:.]+\])(:\d+)?$/i.exec(text) ?? [];
  if (address !== undefined && URL.canParse(`http://${address}`)) {
    return new URL(`http://${address}`).hostname + port;
  }
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The key under which a registry's credentials are kept. */
export function canonicalKey(host: string): string {
  return host === DOCKER_HUB ? DOCKER_HUB_KEY : host;
}

export interface KeyTarget {
  host: string;
  /** The repository; without one, keys with a path do not match. */
  repository?: string | undefined;
  /** How the registry is spoken to. @default {"https"} */
  scheme?: Scheme | undefined;
}

/**
 * The keys that are for a repository of a registry: those with the longest path first; of those for
 * the same, the one that tools write today, then bare ones, then URLs in the order in which they came.
 */
export function matchingKeys(keys: readonly string[], target: KeyTarget): string[] {
  const { host } = configKey(target.host, target.scheme);
  const spellings = [
    canonicalKey(host),
    ...(host === DOCKER_HUB ? DOCKER_HUB_HOSTS : []),
  ];
  const rank = ({ key, scheme }: { key: string; scheme?: Scheme }) => {
    const at = spellings.indexOf(key);
    return at === -1 ? spellings.length + (scheme === undefined ? 0 : 1) : at;
  };
  return keys.filter((key) => !WEB_LOGIN_KEYS.includes(key))
    .map((key) => ({ key, ...configKey(key, target.scheme) }))
    .filter((known) => known.host === host && covers(known.path, target.repository))
    .sort((a, b) => b.path.length - a.path.length || rank(a) - rank(b))
    .map(({ key }) => key);
}

function covers(path: string, repository = ""): boolean {
  return path === "" || repository === path || repository.startsWith(`${path}/`);
}
