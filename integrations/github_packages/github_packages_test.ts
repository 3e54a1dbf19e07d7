import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { ContentStore } from "../../content/store.ts";
import { attach } from "../../artifact/attach.ts";
import { pack } from "../../artifact/pack.ts";
import { planPrune, prune } from "../../copy/prune.ts";
import {
  type ApiError,
  ForbiddenError,
  HostRefusedError,
  InvalidContentError,
  InvalidOptionError,
  NetworkError,
  RegistryResponseError,
  UnauthorizedError,
} from "../../errors.ts";
import { MemoryStore } from "../../stores/memory_store.ts";
import { githubPackages, type GithubPackagesOptions } from "./github_packages.ts";

const TOKEN = "ghp_the_token_of_this_test";

interface Version {
  id: number;
  digest: string;
  tags: string[];
  created: string;
}

/** GitHub's API for the versions of one container package, as its documentation has it. */
class FakeGithub {
  versions: Version[] = [];
  requests: string[] = [];
  readonly #store: ContentStore;
  readonly #path: string;

  constructor(store: ContentStore, path: string) {
    this.#store = store;
    this.#path = path;
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname, searchParams, origin } = new URL(request.url);
    this.requests.push(`${request.method} ${pathname}${new URL(request.url).search}`);
    const refuse = (status: number, message: string) =>
      Response.json({ message, documentation_url: "https://docs.github.com/rest" }, { status });
    if (request.headers.get("authorization") !== `Bearer ${TOKEN}`) {
      return refuse(401, "Bad credentials");
    }
    if (request.headers.get("accept") !== "application/vnd.github+json") return refuse(415, "type");
    if (!pathname.startsWith(this.#path)) return refuse(404, "Package not found.");
    if (request.method === "GET") return this.#list(searchParams, origin);
    const at = this.versions.findIndex(({ id }) => pathname === `${this.#path}/${id}`);
    if (at < 0) return refuse(404, "Package version not found.");
    const tagged = this.versions.filter(({ tags }) => tags.length > 0);
    if (tagged.length === 1 && tagged[0] === this.versions[at]) {
      return refuse(400, "You cannot delete the last tagged version of a package.");
    }
    const [version] = this.versions.splice(at, 1);
    await this.#store.delete!(await this.#store.resolve(version!.digest));
    return new Response(null, { status: 204 });
  };

  #list(parameters: URLSearchParams, origin: string): Response {
    const size = Math.min(Number(parameters.get("per_page") ?? 30), 100);
    const page = Number(parameters.get("page") ?? 1);
    const shown = this.versions.slice((page - 1) * size, page * size);
    const link = `<${origin}${this.#path}?per_page=${size}&page=${page + 1}>; rel="next"`;
    return Response.json(
      shown.map(({ id, digest, tags, created }) => ({
        id,
        name: digest,
        created_at: created,
        metadata: { package_type: "container", container: { tags } },
      })),
      page * size < this.versions.length ? { headers: { link } } : {},
    );
  }
}

/** A package with releases of many days, each with something attached. */
async function releases(days: number) {
  const store = new MemoryStore();
  const github = new FakeGithub(store, "/orgs/octo/packages/container/team%2Fapp/versions");
  const artifactType = "application/vnd.example.app";
  for (let day = 0; day < days; day++) {
    const created = new Date(Date.UTC(2025, 0, 1 + day)).toISOString();
    const tag = `v${day}`;
    const annotations = { day: tag };
    const image = await pack(store, { artifactType, tag, annotations });
    const note = await attach(store, image, { artifactType, layers: [{ body: tag }] });
    github.versions.push(
      { id: 1_000 + day, digest: image.digest, tags: [tag], created },
      { id: 2_000 + day, digest: note.digest, tags: [], created },
    );
  }
  return { store, github, ...packages(github.fetch) };
}

function packages(fetch: typeof globalThis.fetch, options: Partial<GithubPackagesOptions> = {}) {
  const own = { owner: "octo", name: "team/app", token: TOKEN, fetch };
  const packages = githubPackages({ ...own, ...options });
  return { inventory: packages, deleter: packages };
}

Deno.test("the versions of a package are listed and deleted: a prune leaves what is kept", async () => {
  const { store, github, inventory, deleter } = await releases(120);
  const entries = await Array.fromAsync(inventory.list());
  assertEquals(entries.length, 240);
  assertEquals(entries[2], {
    digest: github.versions[2]!.digest,
    tags: ["v1"],
    created: new Date("2025-01-02"),
  });
  assertEquals(github.requests.length, 3, "pages of 100");
  const options = { inventory, deleter, keepLast: 100 };
  const plan = await planPrune(store, options);
  assertEquals(plan.removedTags.length, 20);
  const removed = await prune(store, plan, options);
  assertEquals([removed.length, github.versions.length], [40, 200]);
  assertEquals(github.versions.every(({ tags }) => tags[0] !== "v19"), true);
  assertEquals((await Array.fromAsync(store.tags())).length, 100);
});

Deno.test("a version that is gone is none; one that was not listed is refused", async () => {
  const { github, inventory, deleter } = await releases(3);
  const [first] = await Array.fromAsync(inventory.list());
  github.versions.shift();
  await deleter.delete(first!);
  assertEquals(
    github.requests.at(-1),
    "DELETE /orgs/octo/packages/container/team%2Fapp/versions/1000",
  );
  await assertRejects(
    () => deleter.delete({ digest: `sha256:${"0".repeat(64)}`, tags: [] }),
    InvalidOptionError,
  );
});

Deno.test("a user's package, and another API", async () => {
  const store = new MemoryStore();
  const github = new FakeGithub(store, "/api/v3/users/octo/packages/container/app/versions");
  const options = {
    ownerType: "user",
    name: "app",
    api: "https://github.example.com/api/v3/",
  } as const;
  const { inventory } = packages(github.fetch, options);
  assertEquals(await Array.fromAsync(inventory.list()), []);
});

Deno.test("what GitHub refuses, or answers wrongly: typed errors without the token", async (t) => {
  const { github } = await releases(1);
  const answer = (body: unknown, init?: ResponseInit) => () =>
    Promise.resolve(Response.json(body, init));
  const elsewhere = { headers: { link: '<https://other.example/x>; rel="next"' } };
  const version = { id: 1, name: `sha256:${"0".repeat(64)}` };
  // deno-lint-ignore no-explicit-any
  type Class = abstract new (...args: any[]) => ApiError;
  const cases: [string, typeof globalThis.fetch, Class, string][] = [
    ["401", (input) => github.fetch(input), UnauthorizedError, "Bad credentials"],
    ["403", answer({ message: "rate" }, { status: 403 }), ForbiddenError, "rate"],
    ["a redirect", answer({}, { status: 301 }), RegistryResponseError, "301"],
    ["no list", answer({ versions: [] }), InvalidContentError, "not a list"],
    ["no JSON", () => Promise.resolve(new Response("<html>")), InvalidContentError, "JSON"],
    ["no digest", answer([{ id: 1, name: "v1" }]), InvalidContentError, "digest"],
    ["no tags", answer([version]), InvalidContentError, "tags"],
    ["another origin", answer([], elsewhere), HostRefusedError, "other.example"],
    ["no connection", () => Promise.reject(new TypeError("down")), NetworkError, "reached"],
  ];
  for (const [name, fetch, type, words] of cases) {
    await t.step(name, async () => {
      const list = () => Array.fromAsync(packages(fetch).inventory.list());
      const error = await assertRejects(list, type, words);
      assert(!Deno.inspect(error).includes(TOKEN));
    });
  }
  await t.step("an aborted list", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    const list = () => Array.fromAsync(packages(github.fetch).inventory.list({ signal }));
    await assertRejects(list, Error, "enough");
  });
  await t.step("the last tagged version", async () => {
    const { inventory, deleter } = packages(github.fetch);
    const [first] = await Array.fromAsync(inventory.list());
    await assertRejects(() => deleter.delete(first!), Error, "last tagged version");
  });
  await t.step("an option that is empty", () => {
    for (const options of [{ owner: "" }, { name: "" }, { token: "" }]) {
      assertThrows(() => packages(github.fetch, options), InvalidOptionError);
    }
  });
});
