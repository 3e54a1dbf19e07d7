import type { Descriptor } from "../../../content/descriptor.ts";
import { EMPTY_CONFIG } from "../../../manifest/build.ts";

/** A pointer to content. */
export type DescriptorV1 = Descriptor;

/** The descriptor of the two bytes `{}`, which it holds. */
export const empty: Readonly<Descriptor> & { readonly data: "e30=" } = /* @__PURE__ */ Object
  .freeze({ ...EMPTY_CONFIG, data: "e30=" });

/** Images, and indexes over them. */
export * as image from "./oci_image.ts";
