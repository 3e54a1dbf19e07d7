/** Media types of the CNCF's projects. */
export * as cncf from "./cncf.ts";

/** Media types of the OCI. */
export * as oci from "./oci.ts";
