import type { Bytes } from "../content/bytes.ts";
import type { Limits } from "../content/limits.ts";
import { Flights, RecentMap } from "../content/recent.ts";
import type { ChannelRequest, ChannelResponse, Middleware } from "./channel.ts";
import { readStart } from "./read_body.ts";
import { registryErrors } from "./registry_errors.ts";
import { untilAborted } from "./until_aborted.ts";

/**
 * Makes a repository that a push misses. It is given the whole name, with the registry's host:
 * `123456789012.dkr.ecr.eu-central-1.amazonaws.com/app`. What it throws ends the push.
 */
export type OnMissingRepository = (name: string) => unknown;

/** What {@linkcode missingRepository} works with. */
interface MissingRepositoryOptions {
  /** Makes the repository. */
  onMissingRepository: OnMissingRepository;
  /** `errorBytes` and `stallTimeout` count here. */
  limits: Required<Limits>;
}

/** How many repositories are known to be made; one that is forgotten is asked for once more. */
const MADE_KEPT = 1_000;

/** What a registry says of a repository that is not there. */
const NAME_UNKNOWN = "NAME_UNKNOWN";

/**
 * Makes a repository when the first write to it is answered 404 `NAME_UNKNOWN`, and sends that
 * request again, once: most registries make a repository with the first push, Amazon's private ones
 * do not. Many requests that miss the same one make it once. A body that cannot be read again is not
 * sent again: davit starts such an upload with a request without one.
 *
 * It stands outside of `retry`: while it waits it must not hold a slot, and what
 * `onMissingRepository` throws is not tried again.
 *
 * @throws What `onMissingRepository` throws.
 */
export function missingRepository(options: MissingRepositoryOptions): Middleware {
  const { onMissingRepository, limits } = options;
  const making = new Flights<void>();
  /** How often a repository was made: whoever sent a request before that need not make it. */
  const made = new RecentMap<string, number>(MADE_KEPT);

  async function make(name: string): Promise<void> {
    await onMissingRepository(name);
    made.set(name, (made.get(name) ?? 0) + 1);
  }

  return (next) => async (request) => {
    const name = writtenRepository(request);
    if (name === undefined) return await next(request);
    const before = made.get(name);
    const answer = await next(request);
    if (answer.response.status !== 404) return answer;
    const bytes = await readStart(answer.response, limits, request);
    const codes = registryErrors(bytes).map(({ code }) => code);
    if (!codes.includes(NAME_UNKNOWN)) return unread(answer, bytes);
    if (made.get(name) === before) {
      await untilAborted(making.run(name, () => make(name)), request.signal);
    }
    return await next(request);
  };
}

/**
 * The whole name of the repository that a request may make: with the first request of an upload
 * (end-4a, end-4b, end-11), or a manifest (end-7).
 */
function writtenRepository({ method, url, body, intent }: ChannelRequest): string | undefined {
  if (intent?.repository === undefined || body?.reopenable === false) return undefined;
  const path = url.pathname;
  const begins = method === "POST" && path.endsWith("/blobs/uploads/") ||
    method === "PUT" && path.includes("/manifests/");
  return begins ? `${url.host}/${intent.repository}` : undefined;
}

/** The answer as it came: what was read of its body can be read again. */
function unread(answer: ChannelResponse, bytes: Bytes): ChannelResponse {
  const { status, statusText, headers } = answer.response;
  return { ...answer, response: new Response(bytes, { status, statusText, headers }) };
}
