/** A registry for the tests of lists of referrers: what its API, its tag and its manifests answer. */
import type { Descriptor } from "../content/descriptor.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { failure, fakeRegistry, json, type Seen } from "./fake_registry_test.ts";
import { artifactOf, IMAGE, manifestAnswer, type Sample } from "./sample_manifests_test.ts";

/** What is attached to. */
export const SUBJECT = IMAGE.digest;
/** The subject's fallback tag. */
export const TAG = `sha256-${SUBJECT.slice("sha256:".length)}`;
/** The request for the API's list. */
export const API = `GET /v2/app/referrers/${SUBJECT}`;
/** The request for the tag's list. */
export const FALLBACK = `GET /v2/app/manifests/${TAG}`;

/** Two artifacts that are attached, and what a list says of them. */
export const SAMPLES: [Sample, Sample] = [
  await artifactOf(IMAGE.descriptor, "one"),
  await artifactOf(IMAGE.descriptor, "two"),
];
export const [ONE, TWO] = SAMPLES.map(({ descriptor, json }) => ({
  ...descriptor,
  artifactType: json.artifactType as string,
})) as [Descriptor, Descriptor];

/** An answer with a list of referrers. */
export function indexOf(manifests: unknown, headers: HeadersInit = {}): Response {
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
  return json(index, { "content-type": MEDIA_TYPES.ociIndex, ...headers });
}

/** An answer of a registry without the API. */
export const noApi = () => new Response("404 page not found\n", { status: 404 });

/** An answer of a registry without the tag. */
export const missing = () => failure(404, "MANIFEST_UNKNOWN");

/** What {@linkcode listingRegistry} answers. */
export interface Lists {
  /** The API; there is none by default. */
  api?: (seen: Seen) => Response;
  /** The fallback tag; it is missing by default. */
  tag?: (seen: Seen) => Response;
  /** The manifests that are there. @default {SAMPLES} */
  there?: Sample[];
  /** What a request for another manifest is answered with instead. */
  entry?: (seen: Seen) => Response | undefined;
}

/** A channel to such a registry. */
export function listingRegistry(lists: Lists = {}) {
  const { api = noApi, tag = missing, there = SAMPLES, entry = () => undefined } = lists;
  return fakeRegistry((seen) => {
    const { pathname } = seen.url;
    if (pathname.includes("/referrers/")) return api(seen);
    if (pathname.endsWith(TAG)) return tag(seen);
    const found = there.find(({ digest }) => pathname.endsWith(digest));
    const head = seen.method === "HEAD";
    return entry(seen) ?? (found === undefined ? missing() : manifestAnswer(found, {}, head));
  });
}
