/** The verbs of the presets' matrix on real registries, in every way that each asks who is there. */
import { assertEquals } from "@std/assert";
import type { ObservedRequest } from "../../server/mod.ts";
import { shareOf } from "../share_of.ts";
import type { RegistryAuth } from "../peers/registries.ts";
import { outcome, VERBS } from "../presets/verbs.ts";
import type { World } from "../presets/world.ts";
import type { Ability, RegistryName } from "./lacks.ts";
import { type RegistryCase, testRegistries } from "./on_registries.ts";

/** Verbs that a registry has to misbehave for: real ones do so in tests/faults, by a broken wire. */
const ON_PURPOSE = [
  "push that is cut",
  "pull that is cut",
  "push an immutable tag again",
];

/** What is not "ok" where. */
const NOT_OK: Record<RegistryName, Record<string, string>> = {
  "docker-registry": { "delete a tag": "UNSUPPORTED" },
  distribution: {},
  olareg: { "list repositories": "NOT_FOUND" },
  crane: {},
  embedded: {},
};

/** Verbs whose result is another one without an ability; `lists_test.ts` and others look at that. */
const NEEDS: Record<string, Ability> = {
  "list tags": "links between pages",
  "mount": "blobs of a repository",
};

/** How each registry asks who is there. */
const AUTHS: RegistryAuth[] = ["none", "basic", "bearer"];

const CASES: RegistryCase[] = [
  ["every verb, or what the registry lacks", async ({ kind, auth, stranger, can }) => {
    const requests: ObservedRequest[] = [];
    const client = stranger({
      onEvent: (event) => {
        if (event.type !== "request") return;
        const { pathname, search } = new URL(event.url);
        requests.push({ method: event.method, path: pathname + search } as ObservedRequest);
      },
    });
    const { remoteName: repository } = client.repo;
    const world = { client, repository, requests, stranger: () => stranger() } as World;
    const got: Record<string, string> = {};
    const expected: Record<string, string> = {};
    const verbs: [string, (world: World) => Promise<unknown>][] = Object.entries(VERBS);
    // Outside of CI the ways of asking take turns, at other verbs on the embedded registry.
    const turn = AUTHS.indexOf(auth) + (kind === "embedded" ? 1 : 0);
    for (const [verb, run] of shareOf(verbs, turn, AUTHS.length)) {
      const needed = NEEDS[verb];
      if (ON_PURPOSE.includes(verb) || needed && !can(needed)) continue;
      got[verb] = await outcome(() => run(world)).catch((error) => error.stack);
      expected[verb] = NOT_OK[kind][verb] ?? "ok";
    }
    assertEquals(got, expected);
  }],
];

testRegistries("verbs", CASES, AUTHS);
