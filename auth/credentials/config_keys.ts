/** What a key of Docker's or podman's config stands for. */
export interface ConfigKey {
  /** The registry's host in lower case, with its port; `docker.io` for all names of Docker Hub. */
  host: string;
  /** The repositories it is for, as the beginning of their path; empty for all of the registry. */
  path: string;
}

/** The key of Docker Hub, in configs and for helpers. */
export const DOCKER_HUB_KEY = "https://index.docker.io/v1/";

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

/** Docker Hub, by the name that people know. */
export const DOCKER_HUB = "docker.io";

const DOCKER_HUB_HOSTS: readonly string[] = [DOCKER_HUB, "index.docker.io", "registry-1.docker.io"];

/**
 * Reads a key: `ghcr.io`, `https://ghcr.io/v2/`, `quay.io/org/repo`. The `/v1/` and `/v2/` of old
 * clients are no path; any other path narrows it, whatever stands before the host.
 */
export function configKey(key: string): ConfigKey {
  const scheme = /^https?:\/\//i.exec(key)?.[0] ?? "";
  const [first = "", ...rest] = key.slice(scheme.length).split("/");
  const isOld = (scheme !== "" || rest.at(-1) === "") && /^v[12]$/.test(rest[0] ?? "") &&
    rest.slice(1).every((part) => part === "");
  // A port that the scheme has anyway is not in the host that credentials are wanted for.
  const port = scheme.toLowerCase() === "http://" ? /:80$/ : /:443$/;
  const host = canonicalHost(first).replace(port, "");
  return {
    host: DOCKER_HUB_HOSTS.includes(host) ? DOCKER_HUB : host,
    path: isOld ? "" : rest.filter((part) => part !== "").join("/"),
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

/**
 * The keys that are for a repository of a registry: those with the longest path first, and of
 * those for the same, the one that tools write today.
 */
export function matchingKeys(
  keys: readonly string[],
  target: { host: string; repository?: string },
): string[] {
  const { host } = configKey(target.host);
  const spellings = [
    canonicalKey(host),
    ...(host === DOCKER_HUB ? DOCKER_HUB_HOSTS : []),
  ];
  const rank = (key: string) => {
    const at = spellings.indexOf(key);
    return at === -1 ? spellings.length : at;
  };
  return keys.map((key) => ({ key, ...configKey(key) }))
    .filter((known) => known.host === host && covers(known.path, target.repository))
    .sort((a, b) => b.path.length - a.path.length || rank(a.key) - rank(b.key))
    .map(({ key }) => key);
}

function covers(path: string, repository = ""): boolean {
  return path === "" || repository === path || repository.startsWith(`${path}/`);
}
