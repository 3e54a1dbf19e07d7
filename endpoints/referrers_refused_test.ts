/** Lists of referrers that a registry refuses, or that fail. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { AuthenticationError, NetworkError, RegistryResponseError } from "../errors.ts";
import {
  API,
  indexOf,
  listingRegistry,
  type Lists,
  missing,
  noApi,
  ONE,
  SAMPLES,
  SUBJECT,
  TWO,
} from "./fake_referrers_test.ts";
import { type ErrorClass, failure } from "./fake_registry_test.ts";
import { listReferrers } from "./referrers.ts";
import { DOCKER_IMAGE, IMAGE, manifestAnswer } from "./sample_manifests_test.ts";

const REFUSED: [name: string, answer: () => Response][] = [
  ["401 without a challenge", () => new Response(null, { status: 401 })],
  ["403", () => failure(403, "DENIED")],
  ["500, each time", () => new Response(null, { status: 500 })],
  ["503, each time", () => failure(503, "UNAVAILABLE")],
];

for (const [name, answer] of REFUSED) {
  const { status } = answer();
  const tries = status >= 500 ? 3 : 1;
  const failed = { statusCode: status, method: "GET" };
  const asList = async (lists: Lists) => {
    const registry = listingRegistry(lists);
    const [result] = await Promise.allSettled([listReferrers(registry.channel, "app", SUBJECT)]);
    registry.assertClosed();
    return { registry, result };
  };
  const isApis = (result: PromiseSettledResult<unknown>) => {
    assert(result.status === "rejected");
    const { statusCode, method, message } = result.reason;
    assertEquals({ statusCode, method }, failed);
    assert(
      message.startsWith(`Cannot list the referrers of registry.test/app@${SUBJECT}: ${status}`),
      message,
    );
  };

  Deno.test(`an API that answers ${name}: the tag, if it is there`, async () => {
    const { registry, result } = await asList({ api: answer, tag: () => indexOf([ONE]) });
    assert(result.status === "fulfilled");
    assertEquals(result.value, { manifests: [ONE], filtersApplied: [], fromTag: true });
    assertEquals(registry.lines().filter((line) => line === API).length, tries);
    assertEquals(registry.channel.capabilities.referrersApi, undefined);
  });
  Deno.test(`an API that answers ${name}: its error where the tag is missing`, async () => {
    isApis((await asList({ api: answer, tag: missing })).result);
  });
  Deno.test(`an API that answers ${name}: its error where the tag is the subject`, async () => {
    isApis((await asList({ api: answer, tag: () => manifestAnswer(IMAGE) })).result);
  });
  Deno.test(`an API that answers ${name}: its error where the tag names an image`, async () => {
    isApis((await asList({ api: answer, tag: () => manifestAnswer(DOCKER_IMAGE) })).result);
  });
  Deno.test(`an API that answers ${name}: its error where it answered before`, async () => {
    let asked = 0;
    const registry = listingRegistry({
      api: () => asked++ === 0 ? indexOf([]) : answer(),
      tag: () => indexOf([ONE]),
    });
    await listReferrers(registry.channel, "app", SUBJECT);
    const again = listReferrers(registry.channel, "app", SUBJECT);
    isApis((await Promise.allSettled([again]))[0]);
  });
}

const THROWN: (Lists & { name: string; error: ErrorClass })[] = [
  {
    name: "the connection to the API breaks",
    api: () => {
      throw new NetworkError("reset");
    },
    tag: () => indexOf([ONE]),
    error: NetworkError,
  },
  {
    name: "no token for the API",
    api: () => {
      throw new AuthenticationError("no token");
    },
    tag: () => indexOf([ONE]),
    error: AuthenticationError,
  },
  {
    name: "the tag fails beside the API's list: what is on it is not hidden",
    api: () => indexOf([ONE]),
    tag: () => new Response(null, { status: 500 }),
    error: RegistryResponseError,
  },
  {
    name: "a manifest that would say its type cannot be read now",
    api: () => indexOf([SAMPLES[0].descriptor]),
    entry: () => new Response(null, { status: 502 }),
    error: RegistryResponseError,
  },
  {
    name: "an entry of the tag cannot be looked at now",
    api: noApi,
    tag: () => indexOf([ONE]),
    entry: () => new Response(null, { status: 502 }),
    error: RegistryResponseError,
  },
];

for (const { name, error, ...lists } of THROWN) {
  Deno.test(`referrers: ${name}`, async () => {
    const registry = listingRegistry(lists);
    await assertRejects(() => listReferrers(registry.channel, "app", SUBJECT), error);
    registry.assertClosed();
  });
}

Deno.test("referrers: an abort while entries are looked at", async () => {
  const controller = new AbortController();
  const registry = listingRegistry({
    tag: () => indexOf([ONE, TWO]),
    entry: () => {
      controller.abort(new Error("enough"));
      return undefined;
    },
  });
  const { signal } = controller;
  await assertRejects(
    () => listReferrers(registry.channel, "app", SUBJECT, { signal }),
    Error,
    "enough",
  );
});
