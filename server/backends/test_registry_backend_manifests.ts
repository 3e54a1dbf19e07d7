import { assert, assertEquals } from "@std/assert";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import {
  append,
  assertSame,
  type Case,
  digestOfText,
  manifestOf,
  pagesOf,
  pushBlob,
  referrerOf,
  repo,
  tag,
  textOf,
} from "./test_registry_backend_samples.ts";

export const manifestCases: Case[] = [
  ["a manifest comes back by tag and digest, as it was", async ({ backend }) => {
    const types = [
      MEDIA_TYPES.ociManifest,
      MEDIA_TYPES.dockerManifest,
      "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
      "Application/VND.example+JSON;q=1",
    ];
    for (const [index, contentType] of types.entries()) {
      const manifest = await manifestOf(` {"n": ${index}}\n`, { contentType });
      await backend.putManifest(repo("app"), manifest, [tag(`v${index}`)]);
      for (const reference of [tag(`v${index}`), manifest.digest]) {
        assertSame(await backend.manifest(repo("app"), reference), manifest);
      }
    }
    assertEquals(await backend.manifest(repo("other"), tag("v0")), undefined);
    assertEquals(await backend.manifest(repo("app"), tag("v9")), undefined);
  }],
  ["a manifest without a tag, one with several, and one with more later", async ({ backend }) => {
    const [one, two] = [await manifestOf("one"), await manifestOf("two")];
    await backend.putManifest(repo("app"), one, []);
    await backend.putManifest(repo("app"), two, [tag("a"), tag("b")]);
    await backend.putManifest(repo("app"), two, [tag("c")]);
    await backend.putManifest(repo("app"), two, []);
    assertSame(await backend.manifest(repo("app"), one.digest), one);
    for (const name of ["a", "b", "c"]) {
      assertSame(await backend.manifest(repo("app"), tag(name)), two);
    }
    assertEquals((await backend.tags(repo("app"), { limit: 9 })).items, ["a", "b", "c"]);
  }],
  ["a tag of a sha512 manifest keeps its algorithm", async ({ backend }) => {
    const long = await manifestOf("one", { algorithm: "sha512" });
    const short = await manifestOf("one");
    await backend.putManifest(repo("app"), long, [tag("long")]);
    await backend.putManifest(repo("app"), short, [tag("short")]);
    assertEquals((await backend.manifest(repo("app"), tag("long")))?.digest, long.digest);
    assertEquals((await backend.manifest(repo("app"), tag("short")))?.digest, short.digest);
    assertEquals(await backend.deleteManifest(repo("app"), short.digest), true);
    assertSame(await backend.manifest(repo("app"), tag("long")), long);
  }],
  ["a tag moves, and what it named stays", async ({ backend }) => {
    const [one, two] = [await manifestOf("one"), await manifestOf("two")];
    await backend.putManifest(repo("app"), one, [tag("latest")]);
    await backend.putManifest(repo("app"), two, [tag("latest")]);
    assertSame(await backend.manifest(repo("app"), tag("latest")), two);
    assertSame(await backend.manifest(repo("app"), one.digest), one);
    assertEquals((await backend.tags(repo("app"), { limit: 9 })).items, ["latest"]);
    assertEquals(await backend.deleteManifest(repo("app"), one.digest), true);
    assertSame(await backend.manifest(repo("app"), tag("latest")), two);
  }],
  ["a manifest that is pushed again with another type has that one", async ({ backend }) => {
    const first = await manifestOf("one", { contentType: "application/one" });
    const second = { ...first, contentType: "application/two; x=y" };
    await backend.putManifest(repo("app"), first, [tag("a")]);
    await backend.putManifest(repo("app"), second, [tag("b")]);
    for (const reference of [tag("a"), tag("b"), first.digest]) {
      assertSame(await backend.manifest(repo("app"), reference), second);
    }
  }],
  ["a tag that is deleted leaves its manifest", async ({ backend }) => {
    const one = await manifestOf("one");
    await backend.putManifest(repo("app"), one, [tag("a"), tag("b")]);
    assertEquals(await backend.deleteTag(repo("app"), tag("a")), true);
    assertEquals(await backend.deleteTag(repo("app"), tag("a")), false);
    assertEquals(await backend.manifest(repo("app"), tag("a")), undefined);
    assertSame(await backend.manifest(repo("app"), tag("b")), one);
    assertEquals(await backend.deleteTag(repo("app"), tag("b")), true);
    assertSame(await backend.manifest(repo("app"), one.digest), one);
    assertEquals(await backend.tags(repo("app"), { limit: 9 }), { items: [], more: false });
  }],
  ["a manifest that is deleted takes its tags along", async ({ backend }) => {
    const [one, two] = [await manifestOf("one"), await manifestOf("two")];
    await backend.putManifest(repo("app"), one, [tag("a"), tag("b")]);
    await backend.putManifest(repo("app"), two, [tag("c")]);
    await backend.putManifest(repo("copy"), one, [tag("a")]);
    assertEquals(await backend.deleteManifest(repo("app"), one.digest), true);
    assertEquals(await backend.deleteManifest(repo("app"), one.digest), false);
    for (const reference of [tag("a"), tag("b"), one.digest]) {
      assertEquals(await backend.manifest(repo("app"), reference), undefined);
    }
    assertEquals((await backend.tags(repo("app"), { limit: 9 })).items, ["c"]);
    assertSame(await backend.manifest(repo("copy"), tag("a")), one);
    await backend.putManifest(repo("app"), one, [tag("d")]);
    assertSame(await backend.manifest(repo("app"), tag("d")), one);
  }],
  ["a manifest is no blob, and a blob no manifest", async ({ backend }) => {
    const one = await manifestOf("one");
    await backend.putManifest(repo("app"), one, [tag("a")]);
    assertEquals(await backend.blob(repo("app"), one.digest), undefined);
    assertEquals(await backend.deleteBlob(repo("app"), one.digest), false);
    const blob = await pushBlob(backend, "app", "{}");
    assertEquals(await backend.manifest(repo("app"), blob), undefined);
    assertEquals(await backend.deleteManifest(repo("app"), blob), false);
    assertSame(await backend.manifest(repo("app"), tag("a")), one);
  }],
  ["what is both a manifest and a blob can be deleted as either", async ({ backend }) => {
    for (const blobFirst of [true, false]) {
      for (const deleteBlobFirst of [true, false]) {
        const name = `app${Number(blobFirst)}${Number(deleteBlobFirst)}`;
        const one = await manifestOf("one");
        const { digest } = one;
        if (blobFirst) await pushBlob(backend, name, "one");
        await backend.putManifest(repo(name), one, [tag("a")]);
        if (!blobFirst) await pushBlob(backend, name, "one");
        assertEquals(await textOf(backend, name, digest), "one", name);
        assertSame(await backend.manifest(repo(name), tag("a")), one);
        if (deleteBlobFirst) {
          assertEquals(await backend.deleteBlob(repo(name), digest), true, name);
          assertEquals(await backend.blob(repo(name), digest), undefined, name);
          assertSame(await backend.manifest(repo(name), tag("a")), one);
        } else {
          assertEquals(await backend.deleteManifest(repo(name), digest), true, name);
          assertEquals(await backend.manifest(repo(name), digest), undefined, name);
          assertEquals(await textOf(backend, name, digest), "one", name);
        }
      }
    }
  }],
  ["many writers of one tag: it names what one of them pushed", async ({ backend }) => {
    const manifests = await Promise.all(
      Array.from({ length: 20 }, (_, index) => manifestOf(`manifest ${index}`)),
    );
    await Promise.all(
      manifests.map((manifest, index) =>
        backend.putManifest(repo("app"), manifest, [tag("latest"), tag(`v${index}`)])
      ),
    );
    const latest = (await backend.manifest(repo("app"), tag("latest")))!;
    assert(manifests.some(({ digest }) => digest === latest.digest));
    for (const [index, manifest] of manifests.entries()) {
      assertSame(await backend.manifest(repo("app"), tag(`v${index}`)), manifest);
    }
    assertEquals((await backend.tags(repo("app"), { limit: 99 })).items.length, 21);
  }],
  ["one who pushes and one who deletes: no tag names nothing", async ({ backend }) => {
    const one = await manifestOf("one");
    for (let round = 0; round < 10; round++) {
      await Promise.all([
        backend.putManifest(repo("app"), one, [tag("a")]),
        backend.deleteManifest(repo("app"), one.digest),
        backend.putManifest(repo("app"), one, [tag("b")]),
        backend.deleteManifest(repo("app"), one.digest),
      ]);
      for (const name of (await backend.tags(repo("app"), { limit: 9 })).items) {
        assertSame(await backend.manifest(repo("app"), tag(name)), one);
      }
    }
  }],
  ["referrers are listed by their subject, and leave with their manifest", async ({ backend }) => {
    const subject = await manifestOf("subject");
    const referrers = await Promise.all(
      ["sbom", "scan", "note"].map((type) => referrerOf(type, subject.digest)),
    );
    const sorted = referrers.map((each) => each.referrer!.descriptor)
      .sort((a, b) => a.digest < b.digest ? -1 : 1);
    for (const each of referrers) await backend.putManifest(repo("app"), each, []);
    assertEquals(await backend.referrers(repo("app"), subject.digest), sorted);
    await backend.putManifest(repo("app"), subject, [tag("a")]);
    await backend.putManifest(repo("app"), referrers[0]!, [tag("sbom")]);
    assertEquals(await backend.referrers(repo("app"), subject.digest), sorted, "once each");
    assertEquals(await backend.referrers(repo("app"), referrers[0]!.digest), []);
    assertEquals(await backend.referrers(repo("other"), subject.digest), []);
    await backend.deleteManifest(repo("app"), referrers[0]!.digest);
    assertEquals(
      await backend.referrers(repo("app"), subject.digest),
      sorted.filter(({ digest }) => digest !== referrers[0]!.digest),
    );
    await backend.deleteManifest(repo("app"), subject.digest);
    assertEquals((await backend.referrers(repo("app"), subject.digest)).length, 2);
  }],
];

/** Repositories that could be mistaken for a part of another one. */
const NESTED = [
  "a",
  "a/blobs",
  "a/blobs/sha256",
  "a/index.json",
  "a/oci-layout",
  "a/tags",
  "blobs",
];

export const listCases: Case[] = [
  ["tags are listed in ASCII order, a page at a time", async ({ backend }) => {
    const one = await manifestOf("one");
    const names = ["v10", "V1", "_x", "1.0", "v2", "latest", "a-b", "a.b"];
    await backend.putManifest(repo("app"), one, names.map(tag));
    await pagesOf((page) => backend.tags(repo("app"), page), [...names].sort());
  }],
  ["repositories are listed in ASCII order, a page at a time", async ({ backend }) => {
    const names = ["b", "a/b", "a", "a-b", "c/d/e", "a0"];
    for (const name of names) await pushBlob(backend, name, "hello");
    await pagesOf((page) => backend.repositories(page), [...names].sort());
  }],
  ["repositories inside one another do not meet", async ({ backend }) => {
    for (const name of NESTED) {
      await backend.putManifest(repo(name), await manifestOf(name), [tag("a")]);
      await pushBlob(backend, name, `blob of ${name}`);
    }
    for (const name of NESTED) {
      assertSame(await backend.manifest(repo(name), tag("a")), await manifestOf(name));
      const digest = await digestOfText(`blob of ${name}`);
      assertEquals(await backend.blobRepositories(digest), [name]);
    }
    assertEquals((await backend.repositories({ limit: 99 })).items, [...NESTED].sort());
  }],
  ["a name as long as the grammar allows", async ({ backend }) => {
    for (const name of ["n".repeat(255), `${"long/".repeat(50)}name1`]) {
      const digest = await pushBlob(backend, name, "hello");
      assertEquals(await textOf(backend, name, digest), "hello");
      const upload = await backend.createUpload(repo(name));
      assertEquals((await backend.upload(repo(name), upload.id))?.size, 0);
      await upload.cancel();
    }
  }],
];

export const restartCases: Case[] = [
  ["after a restart, everything that was acknowledged is there", async ({ backend, reopen }) => {
    if (reopen === undefined) return;
    const subject = await manifestOf("subject", { contentType: "application/one; x=y" });
    const sbom = await referrerOf("sbom", subject.digest);
    const gone = await manifestOf("gone");
    const hello = await pushBlob(backend, "a/b", "hello");
    const deleted = await pushBlob(backend, "a/b", "deleted");
    await backend.linkBlob(repo("copy"), hello, repo("a/b"));
    await backend.putManifest(repo("a/b"), subject, [tag("v1"), tag("v2"), tag("v3")]);
    await backend.putManifest(repo("a/b"), sbom, []);
    await backend.putManifest(repo("a/b"), gone, [tag("gone")]);
    await backend.deleteManifest(repo("a/b"), gone.digest);
    await backend.deleteTag(repo("a/b"), tag("v2"));
    await backend.deleteBlob(repo("a/b"), deleted);

    const again = await reopen();
    assertEquals(await again.repositories({ limit: 9 }), { items: ["a/b", "copy"], more: false });
    assertEquals((await again.tags(repo("a/b"), { limit: 9 })).items, ["v1", "v3"]);
    assertSame(await again.manifest(repo("a/b"), tag("v1")), subject);
    assertSame(await again.manifest(repo("a/b"), subject.digest), subject);
    assertSame(await again.manifest(repo("a/b"), sbom.digest), sbom);
    assertEquals(await again.manifest(repo("a/b"), gone.digest), undefined);
    assertEquals(await again.manifest(repo("a/b"), tag("gone")), undefined);
    assertEquals(await again.blob(repo("a/b"), deleted), undefined);
    assertEquals(await again.referrers(repo("a/b"), subject.digest), [sbom.referrer!.descriptor]);
    for (const name of await again.blobRepositories(hello)) { // all, some or none are known
      assertEquals(await textOf(again, name, hello), "hello");
    }
    assertEquals(await textOf(again, "copy", hello), "hello");
    assertEquals(await again.deleteManifest(repo("a/b"), subject.digest), true);
    assertEquals(await again.tags(repo("a/b"), { limit: 9 }), { items: [], more: false });
  }],
  ["after a restart, an upload goes on where it was", async ({ backend, reopen }) => {
    if (reopen === undefined) return;
    const upload = await backend.createUpload(repo("app"));
    await append(upload, "01234");
    const empty = await backend.createUpload(repo("app"));
    const cancelled = await backend.createUpload(repo("app"));
    await cancelled.cancel();

    const again = await reopen();
    assertEquals(await again.hasRepository(repo("app")), false);
    assertEquals(await again.upload(repo("app"), cancelled.id), undefined);
    assertEquals((await again.upload(repo("app"), empty.id))?.size, 0);
    const found = (await again.upload(repo("app"), upload.id))!;
    assertEquals([found.id, found.size], [upload.id, 5]);
    assertEquals(await new Response(await found.open()).text(), "01234");
    await append(found, "56789");
    const digest = await digestOfText("0123456789");
    await found.finish(digest);
    assertEquals(await textOf(again, "app", digest), "0123456789");
    assertEquals(await again.upload(repo("app"), upload.id), undefined);
  }],
];
