import type { ChannelResponse } from "./channel.ts";

const REDIRECTS = [301, 302, 303, 307, 308];

/** What is special about the redirects that are followed. */
export interface RedirectOptions {
  /** The registry: its own host by http is raised to https. @default {none} */
  registry?: URL;
  /**
   * Whether a POST's body stays with its origin as credentials do: elsewhere, and after 301 and 302 as
   * browsers do, a GET without it follows. Called with where the credentials did not go along to.
   * @default {a body goes wherever the redirect leads}
   */
  withheld?: (url: URL) => void;
}

/** Where an answer leads to; `null` where it is no redirect. */
export function redirection({ response }: ChannelResponse): string | null {
  return REDIRECTS.includes(response.status) ? response.headers.get("location") : null;
}
