/** What lists referrers and repositories: loaded with a client's first call that does. */
export { listRepositories, repositories } from "./catalog.ts";
export { listReferrers, referrers } from "./referrers.ts";
