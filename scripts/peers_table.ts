/**
 * The real registries, clients and runtimes that davit is tested against: which, in which version,
 * and where they lie once `deno task peers` has brought them.
 */

/** A program built from its module with the machine's own `go`. */
export interface GoPeer {
  source: "go";
  module: string;
  version: string;
  /** The package to build, within the module. */
  package: string;
}

/** A program of this project's, built with a module. */
export interface GoProgramPeer {
  source: "go-program";
  module: string;
  version: string;
  program: URL;
}

/** A program whose binary comes in an npm package, or a module that such a program loads. */
interface NpmPeer {
  source: "npm";
  /** The npm package, the one that carries the binary for this machine. */
  package: string;
  version: string;
  /** The binary or module, within the package. */
  binary: string;
}

/** A program of the system's distribution, found on the `PATH`. */
interface AptPeer {
  source: "apt";
  package: string;
}

/** A registry, client or runtime that tests use. */
export type Peer = GoPeer | GoProgramPeer | NpmPeer | AptPeer;

const OS = Deno.build.os === "windows" ? "win32" : Deno.build.os;
const X64 = Deno.build.arch === "x86_64";
const EXE = Deno.build.os === "windows" ? ".exe" : "";

function node(version: string): NpmPeer {
  const system = Deno.build.os === "windows" ? "win" : OS;
  const name = `node-${system}-${X64 ? "x64" : "arm64"}`;
  return { source: "npm", package: name, version, binary: `bin/node${EXE}` };
}

/** Every peer by the name of its command; the versions are the ones that the tests are written for. */
export const PEERS = {
  olareg: {
    source: "go",
    module: "github.com/olareg/olareg",
    version: "v0.2.2",
    package: "cmd/olareg",
  },
  oras: { source: "go", module: "oras.land/oras", version: "v1.3.3", package: "cmd/oras" },
  regctl: {
    source: "go",
    module: "github.com/regclient/regclient",
    version: "v0.11.7",
    package: "cmd/regctl",
  },
  crane: {
    source: "go",
    module: "github.com/google/go-containerregistry",
    version: "v0.22.1",
    package: "cmd/crane",
  },
  helm: { source: "go", module: "helm.sh/helm/v3", version: "v3.22.0", package: "cmd/helm" },
  /** Asks for many heads in one process, which no command does. */
  puller: {
    source: "go-program",
    module: "github.com/google/go-containerregistry",
    version: "v0.22.1",
    program: new URL("../bench/puller/main.go", import.meta.url),
  },
  distribution: {
    source: "go",
    module: "github.com/distribution/distribution/v3",
    version: "v3.1.2",
    package: "cmd/registry",
  },
  "docker-registry": { source: "apt", package: "docker-registry" },
  skopeo: { source: "apt", package: "skopeo" },
  curl: { source: "apt", package: "curl" },
  chromium: { source: "apt", package: "chromium" },
  /** Measures what the benchmark runs. */
  time: { source: "apt", package: "time" },
  // The oldest Node that package.json's engines admit: the first 20 whose require() takes ES modules.
  node20: node("20.19.0"),
  node24: node("24.21.0"),
  bun: {
    source: "npm",
    // The package `bun` fetches one of these from a script after its installation.
    package: `@oven/bun-${OS === "win32" ? "windows" : OS}-${X64 ? "x64" : "aarch64"}`,
    version: "1.4.5",
    binary: `bin/bun${EXE}`,
  },
  workerd: {
    source: "npm",
    package: `@cloudflare/workerd-${OS === "win32" ? "windows" : OS}-${X64 ? "64" : "arm64"}`,
    version: "1.20261117.1",
    binary: `bin/workerd${EXE}`,
  },
  "sigstore-oci": {
    source: "npm",
    package: "@sigstore/oci",
    version: "0.7.2",
    binary: "dist/index.js",
  },
  "sigstore-bundle": {
    source: "npm",
    package: "@sigstore/bundle",
    version: "5.0.1",
    binary: "dist/index.js",
  },
} as const satisfies Record<string, Peer>;

export type PeerName = keyof typeof PEERS;

export const PEER_NAMES = Object.keys(PEERS) as PeerName[];

/** How people get what is missing. */
export const HOW_TO_GET = "npx -y deno@2 task peers";

/** The folder that keeps the peers: `$DAVIT_PEERS`, or `davit/peers` in the user's cache folder. */
export function cacheFolder(env: (name: string) => string | undefined = readEnv): string {
  const own = env("DAVIT_PEERS");
  if (own) return own;
  const cache = env("XDG_CACHE_HOME");
  if (cache) return `${cache}/davit/peers`;
  const home = env("HOME") ?? env("USERPROFILE");
  if (home) return `${home}/.cache/davit/peers`;
  throw new Error("Cannot find a cache folder: DAVIT_PEERS, XDG_CACHE_HOME and HOME are not set");
}

function readEnv(name: string): string | undefined {
  return Deno.env.get(name);
}

/** Where a peer's binary lies in the cache; for what comes from the system there is no such place. */
export function cachedBinary(name: PeerName, folder: string): string | undefined {
  const peer: Peer = PEERS[name];
  switch (peer.source) {
    case "go":
    case "go-program":
      return `${folder}/${name}${EXE}`;
    case "npm":
      return `${folder}/${name}/node_modules/${peer.package}/${peer.binary}`;
    case "apt":
      return undefined;
  }
}

/** The file that records which version lies in the cache. */
export function versionFile(name: PeerName, folder: string): string {
  return `${folder}/${name}.version`;
}

/** What the version file says of the version wanted: also which package it is, should that change. */
export function versionRecord(name: PeerName): string {
  const peer: Peer = PEERS[name];
  switch (peer.source) {
    case "apt":
      return "";
    case "npm":
      return `${peer.package}@${peer.version}\n`;
    case "go":
      return `${peer.module}@${peer.version}\n`;
    case "go-program":
      return `${peer.module}@${peer.version}\n${readText(peer.program)}`;
  }
}

/** A command on the `PATH`, or in the folders where systems put what only root has on its `PATH`. */
export function onPath(command: string): string | undefined {
  const separator = Deno.build.os === "windows" ? ";" : ":";
  const folders = (Deno.env.get("PATH") ?? "").split(separator);
  for (const folder of [...folders, "/usr/bin", "/usr/sbin", "/usr/local/go/bin"]) {
    if (folder !== "" && isFile(`${folder}/${command}${EXE}`)) return `${folder}/${command}${EXE}`;
  }
}

/** Where a peer is, in the version wanted; `undefined` when it has to be brought first. */
export function peerPath(name: PeerName, folder: string = cacheFolder()): string | undefined {
  const binary = cachedBinary(name, folder);
  if (binary === undefined) return onPath(name);
  if (readText(versionFile(name, folder)) !== versionRecord(name)) return undefined;
  return isFile(binary) ? binary : undefined;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function readText(path: string | URL): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
