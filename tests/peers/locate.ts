/**
 * Where the real registries and clients are, and what a test says when one is missing: such a test
 * is ignored on a developer's machine and fails where `CI=true`, so that CI never skips silently.
 */
import { cacheFolder, HOW_TO_GET, type PeerName, peerPath } from "../../scripts/peers_table.ts";

export { HOW_TO_GET, type PeerName };

/** Where peers are looked for, and whether a missing one is a failure. */
interface Place {
  /** The cache folder. */
  folder: string;
  /** Whether this is CI. */
  ci: boolean;
}

function here(): Place {
  return { folder: cacheFolder(), ci: Deno.env.get("CI") === "true" };
}

/** The path of a peer's binary, or `undefined` when it has to be brought first. */
function peer(name: PeerName, place: Place = here()): string | undefined {
  return peerPath(name, place.folder);
}

/** Whether every peer named is there. */
export function havePeers(...names: PeerName[]): boolean {
  return names.every((name) => peer(name) !== undefined);
}

/**
 * What a test that needs peers passes to `Deno.test`: `Deno.test({ ...requirePeers("crane"), name,
 * fn })`. Where one is missing the test is ignored; with `CI=true` it runs, and
 * {@linkcode neededPeer} fails in it.
 */
export function requirePeers(...names: PeerName[]): { ignore: boolean } {
  return ignoreWithout(names, here());
}

/** What {@linkcode requirePeers} answers at a place. */
export function ignoreWithout(names: PeerName[], place: Place): { ignore: boolean } {
  return { ignore: !place.ci && names.some((name) => peer(name, place) === undefined) };
}

/**
 * The path of a peer's binary.
 *
 * @throws {Error} When it has to be brought first; the message says how.
 */
export function neededPeer(name: PeerName, place: Place = here()): string {
  const path = peer(name, place);
  if (path !== undefined) return path;
  throw new Error(`Cannot use ${name}: it is not here, get it with ${HOW_TO_GET}`);
}
