import { assert, assertEquals, assertRejects } from "@std/assert";
import { HttpError, InvalidOptionError, LimitError, NotFoundError } from "../../mod.ts";
import type { RegistryClientV2 } from "../../mod.ts";
import { type OnRegistry, testRegistries } from "./on_registries.ts";
import { newArtifact, pushArtifact } from "./samples.ts";

/** In ASCII's order, as the specification wants them answered. */
const TAGS = ["1.0", "1.10", "1.2", "Latest", "_x", "a.b", "latest", "v1", "v10", "v2"];

async function pushTags(client: RegistryClientV2): Promise<void> {
  const { bytes } = await newArtifact(client);
  for (const ref of TAGS.toReversed()) await client.putManifest({ manifestData: bytes, ref });
}

async function gather(names: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const name of names) all.push(name);
  return all;
}

/** How many pages a list was asked for in. */
function pagesOf(on: OnRegistry, client: RegistryClientV2, since: number): number {
  return on.sent(client).slice(since).filter((sent) => sent === "GET 200").length;
}

testRegistries("lists", [
  ["end-8 GET tags/list: all tags, from all pages", async (on) => {
    const client = on.client();
    await pushTags(client);
    const { remoteName: name } = client.repo;
    for (const pageSize of [undefined, 1, 3, 9, 10, 11, 1000]) {
      const before = on.sent(client).length;
      const list = await client.listTags(pageSize === undefined ? {} : { pageSize });
      assertEquals(list.name, name);
      const pages = pagesOf(on, client, before);
      if (!on.can("pages of tags")) {
        // One page with everything, and in no order.
        assertEquals([list.tags.toSorted(), pages], [TAGS, 1]);
      } else if (!on.can("links between pages") && pageSize !== undefined) {
        // A list that was cut looks like a whole one: there is no way to tell.
        assertEquals([list.tags, pages], [TAGS.slice(0, pageSize), 1]);
      } else {
        assertEquals(list.tags, TAGS);
        const least = Math.ceil(TAGS.length / (pageSize ?? 1000));
        // A full last page may be followed by an empty one.
        assert([least, least + 1].includes(pages), `${pages} pages of ${pageSize}`);
      }
    }
  }],
  ["end-8 GET tags/list: after a tag, which need not exist", async (on) => {
    const client = on.client();
    await pushTags(client);
    for (const last of ["_x", "_y"]) {
      const { tags } = await client.listTags({ last });
      if (on.can("pages of tags")) assertEquals(tags, TAGS.slice(5));
      else assertEquals(tags.toSorted(), TAGS);
    }
  }],
  ["end-8 GET tags/list: tags one by one, and no page more than was read", async (on) => {
    const client = on.client();
    await pushTags(client);
    const all = await gather(client.tags({ pageSize: 4 }));
    assertEquals((await client.listAllTags({ pageSize: 4 })).tags, all);
    const paged: string[] = [];
    for await (const page of client.listTagsPaginated({ pageSize: 4 })) paged.push(...page.tags);
    assertEquals(paged, all);
    if (!on.can("links between pages")) {
      assertEquals(all.length, on.can("pages of tags") ? 4 : TAGS.length);
      return;
    }
    assertEquals(all, TAGS);
    const before = on.sent(client).length;
    for await (const tag of client.tags({ pageSize: 4 })) {
      if (tag === TAGS[5]) break;
    }
    assertEquals(pagesOf(on, client, before), 2);
  }],
  ["end-8 GET tags/list: more pages than maxPages is a LimitError", async (on) => {
    const client = on.client();
    await pushTags(client);
    const list = client.listTags({ pageSize: 3, maxPages: 2 });
    if (!on.can("links between pages")) {
      assert((await list).tags.length > 0);
      return;
    }
    const error = await assertRejects(() => list, LimitError);
    assertEquals([error.code, error.limit, error.maximum], ["LIMIT_EXCEEDED", "maxPages", 2]);
  }],
  ["end-8 GET tags/list: an unknown repository is NAME_UNKNOWN", async (on) => {
    const client = on.client();
    if (!on.can("unknown repositories")) {
      const { remoteName: name } = client.repo;
      assertEquals(await client.listTags(), { name, tags: [] });
      return;
    }
    const error = await assertRejects(() => client.listTags(), NotFoundError);
    assertEquals([error.code, error.statusCode], ["NOT_FOUND", 404]);
    assertEquals(error.codes, ["NAME_UNKNOWN"]);
    await assertRejects(() => gather(client.tags()), NotFoundError);
  }],
  ["end-8 GET tags/list: a count that is none is refused, and nothing is sent", async (on) => {
    const client = on.client();
    for (const count of [0, -1, 1.5, NaN]) {
      await assertRejects(() => client.listTags({ pageSize: count }), InvalidOptionError);
      await assertRejects(() => client.listTags({ maxPages: count }), InvalidOptionError);
    }
    assertEquals(on.sent(client), []);
  }],
  ["GET _catalog: the repositories, from all pages", async (on) => {
    const clients = [on.client(), on.client(), on.client()];
    for (const client of clients) await pushArtifact(client, { tag: "v1" });
    const names = clients.map(({ repo }) => repo.remoteName);
    const [client] = clients as [typeof clients[0]];
    if (!on.can("catalog")) {
      const error = await assertRejects(() => client.listRepositories(), HttpError);
      assertEquals([error.code, error.statusCode, error.codes], ["NOT_FOUND", 404, []]);
      await assertRejects(() => gather(client.repositories({ pageSize: 2 })), NotFoundError);
      return;
    }
    const { repositories } = await client.listRepositories();
    for (const name of names) assert(repositories.includes(name), `${name} is missing`);
    const inPages = await gather(client.repositories({ pageSize: 2 }));
    const last = repositories[0]!;
    const rest = (await client.listRepositories({ last, pageSize: 1 })).repositories;
    if (on.can("pages of the catalog")) {
      assertEquals(inPages, repositories);
      assertEquals(rest, repositories.slice(1));
    } else {
      assertEquals([inPages.length, rest.length], [2, 1]);
    }
  }],
]);
