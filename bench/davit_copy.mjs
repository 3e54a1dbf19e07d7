/**
 * Copies as a program would, and nothing else: what the benchmark measures, on any runtime.
 * `davit_copy.mjs SOURCE TARGET TAG [attached]`, where a store is `oci:FOLDER` or `HOST/NAME`, and the
 * tag may be `*`, for all of them.
 */
import { RegistryClientV2, RegistryStore } from "@davit/registry-client";
import { copy, copyTags } from "@davit/registry-client/copy";

const [from, to, tag, attached] = globalThis.Deno?.args ?? process.argv.slice(2);

async function store(name) {
  if (name.startsWith("oci:")) {
    const { LayoutStore } = await import("@davit/registry-client/stores");
    return new LayoutStore(name.slice("oci:".length));
  }
  return new RegistryStore(new RegistryClientV2({ name, scopes: ["pull", "push"] }));
}

const options = { attached: attached === "attached" };
if (tag === "*") await copyTags(await store(from), await store(to), options);
else await copy(await store(from), tag, await store(to), tag, options);
