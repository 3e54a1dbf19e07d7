/**
 * What most pages never need, loaded together at its first use: a bundler makes one piece of it.
 * Import it by `import()` alone.
 */
export { connectionFailure } from "./connection_failure.ts";
export { fetchUpload } from "./fetch_upload.ts";
export { guard } from "./guard.ts";
export { hostHeaders } from "./host_options.ts";
export { machineSend } from "./machine_send.ts";
export { mirror } from "./mirror.ts";
export { missingRepository } from "./missing_repository.ts";
export { trace } from "./trace.ts";
