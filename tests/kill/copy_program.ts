/** Copies `host/name:tag` into a layout folder, and says what is on its way: it is killed meanwhile. */
import { RegistryClientV2, RegistryStore } from "../../mod.ts";
import { copy } from "../../copy/mod.ts";
import { LayoutStore } from "../../stores/mod.ts";

const [name, tag, folder] = Deno.args as [string, string, string];
const source = new RegistryStore(new RegistryClientV2({ name }));
console.log("ready");
await copy(source, tag, new LayoutStore(folder), tag);
console.log("copied");
