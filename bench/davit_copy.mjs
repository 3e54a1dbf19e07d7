/**
 * Copies as a program would, and nothing else: what the benchmark measures, on any runtime.
 * `davit_copy.mjs SOURCE TARGET TAG [attached]`, where a store is `oci:FOLDER` or `HOST/NAME`, and the
 * tag may be `*`, for all of them.
 */
import { RegistryClientV2, RegistryStore } from "@davit/registry-client";
import { copy, copyTags } from "@davit/registry-client/copy";
import { LayoutStore } from "@davit/registry-client/stores";
import process from "node:process";

const [from, to, tag, attached] = process.argv.slice(2);

function store(name) {
  if (name.startsWith("oci:")) return new LayoutStore(name.slice("oci:".length));
  return new RegistryStore(new RegistryClientV2({ name, scopes: ["pull", "push"] }));
}

const options = { attached: attached === "attached" };
if (tag === "*") await copyTags(store(from), store(to), options);
else await copy(store(from), tag, store(to), tag, options);
