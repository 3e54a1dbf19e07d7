/** The choice among an index's images: loaded with the first that is made. */
export { choosePlatform } from "./platform.ts";
