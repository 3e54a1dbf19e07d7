import { assertEquals, assertRejects } from "@std/assert";
import { HttpError, RegistryClientV2, RegistryStore } from "../mod.ts";
import { tempFolder } from "../scripts/temp_folder.ts";
import { FakeOutput, fakeRun, interrupter } from "./fake_io_test.ts";
import { pushSample } from "./sample_test.ts";

Deno.test("davit serve: says the address, serves until it is interrupted, and keeps a folder", async () => {
  await using temp = await tempFolder();
  const folder = temp.path;
  for (const expected of ["", "v1\n"]) {
    const { signal, interrupt } = interrupter();
    const said: string[] = [];
    const stdout = {
      ...{ isTerminal: false, columns: () => 80, rows: () => 24 },
      write: (data: string | Uint8Array): Promise<void> => {
        said.push(String(data));
        return Promise.resolve();
      },
    };
    const args = ["serve", "--dir", folder, "--user", "me:a 5ecret", "--json"];
    const running = fakeRun(args, { signal, stdout });
    while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const { url } = JSON.parse(said[0]!);
    const options = { name: `${url}/app`, username: "me", password: "a 5ecret" };
    const store = new RegistryStore(new RegistryClientV2(options));
    let tags = "";
    try {
      for await (const tag of store.tags()) tags += `${tag}\n`;
    } catch { /* there is no repository before the first push */ }
    assertEquals(tags, expected);
    await pushSample(store, "v1");
    interrupt();
    assertEquals((await running).code, 0);
  }
});

Deno.test("davit serve: what the disk fails with is told on standard error, with its path", async () => {
  await using temp = await tempFolder();
  const folder = temp.path;
  const { signal, interrupt } = interrupter();
  const stdout = new FakeOutput();
  const running = fakeRun(["serve", "--dir", folder], { signal, stdout });
  while (stdout.text === "") await new Promise((resolve) => setTimeout(resolve, 5));
  const client = new RegistryClientV2({
    name: `${stdout.text.trim()}/app`,
    retry: { maxAttempts: 1 },
  });
  const body = new TextEncoder().encode("hello");
  const { digest } = await client.putBlob(body);
  const path = `${folder}/app/blobs/${digest.replace(":", "/")}`;
  await Deno.remove(path);
  await Deno.mkdir(path);
  await assertRejects(() => client.putBlob(body), HttpError, "500");
  interrupt();
  const { code, stderr } = await running;
  assertEquals([code, stderr], [0, `davit: Cannot write ${path}: a folder is in its place\n`]);
});
