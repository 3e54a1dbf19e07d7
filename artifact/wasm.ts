import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { openBody } from "../content/body.ts";
import { type Bytes, concatBytes } from "../content/bytes.ts";
import { InvalidContentError } from "../errors.ts";
import { presetBody, type PresetFile } from "./helm.ts";
import { ARTIFACT_TYPES } from "./kinds.ts";
import { packContent } from "./pack_content.ts";
import { createdTime, type PackOptions } from "./pack.ts";

/** Options of {@linkcode wasm}. */
export interface WasmOptions {
  /** The module or component: the path of a `.wasm`, or its content. */
  module: PresetFile;
  /** Who made it. */
  author?: string;
  /** What a component imports and exports: names of WebAssembly interfaces. @default {not said} */
  component?: { imports: string[]; exports: string[]; target?: string | null };
  /** When it was made: see {@linkcode PackOptions.created}. @default {now} */
  created?: Date | string;
}

const WASM_OPTIONS: OptionNames<WasmOptions> = names("module author component created");

/** What a WebAssembly binary begins with; the next two bytes are the version, then the layer. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d];

/**
 * What {@linkcode pack} needs to push a WebAssembly module or component as `wkg` and the runtimes
 * expect it: one layer, and a config of the type `application/vnd.wasm.config.v0+json`.
 *
 * @see https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/
 *
 * @example
 * ```ts
 * import { describe, pack, wasm } from "@davit/registry-client/artifact";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const module = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0); // the smallest there is
 * const store = new MemoryStore();
 * const pushed = await pack(store, { ...await wasm({ module }), tag: "v1" });
 * const stored = await new Response(await store.open(pushed)).json();
 * assertEquals(describe(stored).kind, "wasm");
 * ```
 *
 * @throws {InvalidContentError} When it is no WebAssembly binary.
 */
export async function wasm(options: WasmOptions): Promise<PackOptions> {
  checkArgument("options", options, "options");
  checkOptions(options, WASM_OPTIONS);
  const { module, author, component, created = new Date() } = options;
  const body = await presetBody(module);
  const isComponent = await checkWasm(body);
  const layer = { body, mediaType: ARTIFACT_TYPES.wasm };
  const { descriptor } = await packContent(layer, "the module");
  const config = {
    created: createdTime({ created }).text,
    ...(author !== undefined && { author }),
    architecture: "wasm",
    os: isComponent ? "wasip2" : "wasip1",
    layerDigests: [descriptor.digest],
    ...(component && { component }),
  };
  return {
    config: { body: JSON.stringify(config), mediaType: ARTIFACT_TYPES.wasmConfig },
    layers: [layer],
    created,
  };
}

/** Whether it is a component; a module is not. */
async function checkWasm(body: Exclude<PresetFile, string>): Promise<boolean> {
  const reader = await openBody(body).open();
  let head: Bytes = new Uint8Array(0);
  try {
    while (head.byteLength < 8) {
      const { value } = await reader.read();
      if (value === undefined || value.byteLength === 0) break;
      head = concatBytes([head, value]);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
  if (head.byteLength < 8 || MAGIC.some((byte, at) => head[at] !== byte)) {
    throw new InvalidContentError("Cannot pack the module: it is no WebAssembly binary");
  }
  return head[6] === 1;
}
