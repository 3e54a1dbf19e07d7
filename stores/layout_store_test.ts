import { assertEquals } from "@std/assert";
import { testContentStore } from "../content/test_content_store.ts";
import { LayoutStore } from "./layout_store.ts";
import { encodeText } from "../content/bytes.ts";
import { buildManifest } from "../manifest/build.ts";

testContentStore("LayoutStore", async () => {
  const folder = await Deno.makeTempDir();
  return {
    store: new LayoutStore(folder),
    close: () => Deno.remove(folder, { recursive: true }),
  };
});

Deno.test("LayoutStore: the folder holds what the image specification says, and nothing else", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const store = new LayoutStore(folder);
    const layer = {
      mediaType: "text/plain",
      digest: "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
      size: 5,
    };
    await store.write(layer, encodeText("hello"));
    const { descriptor, bytes } = await buildManifest({
      artifactType: "text/plain",
      layers: [layer],
    });
    await store.write(descriptor, bytes);
    await store.tag(descriptor, "v1");
    await store.tag(descriptor, "v2");

    const hex = descriptor.digest.slice("sha256:".length);
    assertEquals(await Deno.readTextFile(`${folder}/oci-layout`), '{"imageLayoutVersion":"1.0.0"}');
    assertEquals(await Deno.readFile(`${folder}/blobs/sha256/${hex}`), bytes);
    const index = JSON.parse(await Deno.readTextFile(`${folder}/index.json`));
    assertEquals(
      index.manifests.map((entry: { annotations: Record<string, string> }) =>
        entry.annotations["org.opencontainers.image.ref.name"]
      ),
      ["v1", "v2"],
    );
    assertEquals((await names(folder)).sort(), [
      "blobs",
      "index.json",
      "oci-layout",
    ]);
    assertEquals((await names(`${folder}/blobs/sha256`)).length, 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found;
}
