import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ApiError,
  digestOf,
  HttpError,
  InvalidOptionError,
  NotFoundError,
  RegistryResponseError,
} from "../../mod.ts";
import { testRegistries } from "./on_registries.ts";
import { assertBytes, NOWHERE, randomBytes, text } from "./samples.ts";

testRegistries("uploads step by step", [
  ["end-4a to end-6: start, chunks, the last one with the close", async (on) => {
    const client = on.client();
    const bytes = randomBytes(300_000);
    const digest = await digestOf(bytes);
    const started = await client.startBlobUpload();
    assertEquals([started.offset, started.mounted], [0, undefined]);
    assert(URL.canParse(started.location), started.location);
    const first = await client.uploadBlobChunk({ session: started, data: bytes.slice(0, 100_000) });
    assertEquals(first.offset, 100_000);
    const second = await client.uploadBlobChunk({
      session: first,
      data: bytes.slice(100_000, 200_001),
    });
    assertEquals(second.offset, 200_001);
    await assertRejects(() => client.headBlob({ digest }), NotFoundError);
    const data = bytes.slice(200_001);
    const done = await client.completeBlobUpload({ session: second, digest, data });
    assertEquals(done.digest, digest);
    assertBytes(await (await client.getBlob(digest)).bytes(), bytes);
    assertEquals(
      on.sent(client).filter((sent) => !sent.endsWith(" 401")),
      ["POST 202", "PATCH 202", "PATCH 202", "HEAD 404", "PUT 201", "GET 200"],
    );
  }],
  ["end-4a, end-6: all in the close", async (on) => {
    const client = on.client();
    const data = randomBytes(1000);
    const digest = await digestOf(data);
    const session = await client.startBlobUpload();
    await client.completeBlobUpload({ session, digest, data });
    assertBytes(await (await client.getBlob(digest)).bytes(), data);
  }],
  ["end-4c: sha512, told when the upload starts", async (on) => {
    const client = on.client();
    const data = randomBytes(1000);
    const digest = await digestOf(data, "sha512");
    const started = await client.startBlobUpload({ digestAlgorithm: "sha512" });
    const session = await client.uploadBlobChunk({ session: started, data });
    assertEquals((await client.completeBlobUpload({ session, digest })).digest, digest);
    assertBytes(await (await client.getBlob(digest)).bytes(), data);
  }],
  ["end-13 GET Location: 204 and how far the upload is", async (on) => {
    const client = on.client();
    const started = await client.startBlobUpload();
    if (!on.can("look at uploads")) {
      const error = await assertRejects(
        () => client.getBlobUploadStatus({ session: started }),
        RegistryResponseError,
      );
      assertEquals([error.statusCode, error.codes], [400, ["NAME_INVALID"]]);
      return;
    }
    assertEquals((await client.getBlobUploadStatus({ session: started })).offset, 0);
    const data = text("hello ");
    const first = await client.uploadBlobChunk({ session: started, data });
    const looked = await client.getBlobUploadStatus({ session: first });
    assertEquals(looked.offset, 6);
    // What a look answers goes on like what a chunk answers.
    const next = await client.uploadBlobChunk({ session: looked, data: text("wor") });
    const again = await client.getBlobUploadStatus({ session: next });
    const digest = await digestOf(text("hello world"));
    await client.completeBlobUpload({ session: again, digest, data: text("ld") });
    assertEquals(await (await client.getBlob(digest)).text(), "hello world");
  }],
  ["end-5 PATCH of one byte: an upload of one byte is not an empty one", async (on) => {
    const client = on.client();
    const data = randomBytes(1);
    const session = await client.uploadBlobChunk({ session: await client.startBlobUpload(), data });
    assertEquals(session.offset, 1);
    if (on.can("look at uploads")) {
      assertEquals((await client.getBlobUploadStatus({ session })).offset, 1);
    }
    const digest = await digestOf(data);
    await client.completeBlobUpload({ session, digest });
    assertBytes(await (await client.getBlob(digest)).bytes(), data);
  }],
  ["end-5 PATCH out of order: 416, and the upload lives on", async (on) => {
    const client = on.client();
    const digest = await digestOf(text("hello world"));
    const started = await client.startBlobUpload();
    const first = await client.uploadBlobChunk({ session: started, data: text("hello ") });
    const ahead = client.uploadBlobChunk({
      session: { ...first, offset: 20 },
      data: text("world"),
    });
    if (!on.can("order of chunks")) {
      const session = await ahead;
      await client.completeBlobUpload({ session, digest });
      assertEquals(await (await client.getBlob(digest)).text(), "hello world");
      return;
    }
    const error = await assertRejects(() => ahead, RegistryResponseError);
    assertEquals([error.code, error.statusCode], ["REGISTRY_RESPONSE", 416]);
    const session = await client.uploadBlobChunk({ session: first, data: text("wor") });
    await client.completeBlobUpload({ session, digest, data: text("ld") });
    assertEquals(await (await client.getBlob(digest)).text(), "hello world");
  }],
  ["end-5: an empty chunk is an InvalidOptionError, and nothing is sent", async (on) => {
    const client = on.client();
    const session = await client.startBlobUpload();
    const before = on.sent(client).length;
    await assertRejects(
      () => client.uploadBlobChunk({ session, data: text("") }),
      InvalidOptionError,
    );
    assertEquals(on.sent(client).length, before);
  }],
  ["end-14 DELETE Location: the upload is gone", async (on) => {
    const client = on.client();
    const session = await client.startBlobUpload();
    if (!on.can("look at uploads")) {
      const error = await assertRejects(
        () => client.cancelBlobUpload({ session }),
        ApiError,
        "Cannot cancel an upload to",
      );
      assertEquals((error as HttpError).codes, ["NAME_INVALID"]);
      return;
    }
    await client.cancelBlobUpload({ session });
    const error = await assertRejects(() => client.getBlobUploadStatus({ session }), HttpError);
    assertEquals(error.codes, ["BLOB_UPLOAD_UNKNOWN"]);
    assertEquals(error instanceof NotFoundError, on.can("404 for lost uploads"));
    const close = () =>
      client.completeBlobUpload({ session, digest: NOWHERE, data: text("too late") });
    assertEquals((await assertRejects(close, HttpError)).codes, ["BLOB_UPLOAD_UNKNOWN"]);
  }],
  ["end-11 POST mount: a blob of another repository, without moving it", async (on) => {
    const [from, to] = [on.client(), on.client()];
    const bytes = randomBytes(100_000);
    const { digest } = await from.putBlob(bytes);
    const result = await to.mountBlob({ digest, from: from.repo.remoteName });
    assertEquals(result.mounted, on.can("mount"));
    if (!result.mounted) {
      await to.completeBlobUpload({ session: result.session, digest, data: bytes });
    }
    assertBytes(await (await to.getBlob(digest)).bytes(), bytes);
    const mounts = on.events.filter((event) => event.type === "mount");
    const { remoteName: repository } = to.repo;
    assertEquals(
      mounts.filter((event) => event.repository === repository),
      on.can("mount") ? [{ type: "mount", digest, repository, from: from.repo.remoteName }] : [],
    );
    if (on.auth !== "bearer") return;
    // The token is for both repositories: that is what lets the registry look into the other one.
    const tokens = on.events.filter((event) => event.type === "token");
    assertEquals(
      tokens.filter(({ scopes }) => scopes.length === 2).map(({ scopes }) => scopes),
      [[`repository:${repository}:pull,push`, `repository:${from.repo.remoteName}:pull`]],
    );
  }],
  ["end-11 POST mount: what cannot be mounted is an upload", async (on) => {
    const to = on.client();
    const data = randomBytes(1000);
    const digest = await digestOf(data);
    const repositories = [on.client().repo.remoteName, "tests/nowhere", undefined];
    for (const from of repositories) {
      const result = await to.mountBlob({ digest, ...(from !== undefined && { from }) });
      assert(!result.mounted);
      assertEquals(result.session.offset, 0);
    }
    const [from] = repositories;
    const session = await to.startBlobUpload({ mount: { digest, from: from! } });
    assertEquals(session.mounted, undefined);
    await to.completeBlobUpload({ session, digest, data });
    assertBytes(await (await to.getBlob(digest)).bytes(), data);
  }],
  ["end-11 by startBlobUpload and putBlob", async (on) => {
    const [from, to, other] = [on.client(), on.client(), on.client()];
    const bytes = randomBytes(100_000);
    const { digest } = await from.putBlob(bytes);
    const mount = { digest, from: from.repo.remoteName };
    const session = await to.startBlobUpload({ mount });
    assertEquals(session.mounted, on.can("mount") ? true : undefined);
    if (session.mounted) {
      assertEquals(
        session.location,
        `${on.registry.origin}/v2/${to.repo.remoteName}/blobs/${digest}`,
      );
    }
    await other.putBlob(bytes, { mountFrom: from.repo.remoteName });
    const sent = on.sent(other).filter((each) => !each.endsWith(" 401"));
    assertEquals(
      sent,
      !on.can("blobs of a repository")
        ? ["HEAD 200"]
        : on.can("mount")
        ? ["HEAD 404", "POST 201"]
        : ["HEAD 404", "POST 202", "PUT 201"],
    );
    assertBytes(await (await other.getBlob(digest)).bytes(), bytes);
  }],
]);
