/** All that lists referrers: loaded with a client's first call that does. */
export { listReferrers, referrers } from "./referrers.ts";
