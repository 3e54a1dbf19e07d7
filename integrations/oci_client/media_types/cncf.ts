/** Charts. */
export * as helm from "./helm.ts";
