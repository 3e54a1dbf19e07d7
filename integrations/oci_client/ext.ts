import { headerFields } from "../../transport/header_fields.ts";
import type { CallOptions } from "./answers.ts";
import { channelOf, type Extension } from "./client.ts";
import { list } from "./lists.ts";
import type { Req } from "./result.ts";

/** The methods of {@linkcode Catalog}. */
export interface CatalogMethods {
  /** The registry's repositories, of every page, where it tells them. */
  catalog(options?: CallOptions): Req<{ repositories: string[] }>;
}

/** Lists a registry's repositories: `new (ClientV2.with(ext.Catalog()))("ghcr.io").catalog()`. */
export function Catalog(): Extension<CatalogMethods> {
  return {
    methods: (client) => ({
      catalog({ signal } = {}) {
        const channel = channelOf(client);
        const asked = {
          method: "GET",
          url: new URL("/v2/_catalog", channel.origin),
          headers: headerFields(),
          intent: { actions: ["pull"], catalog: true },
          purpose: "registry",
          what: `list the repositories of ${client.domain}`,
          ...(signal && { signal }),
        } as const;
        return list(channel, asked, async (pages) => {
          const repositories: string[] = [];
          for await (const { json } of pages) {
            const names = Array.isArray(json.repositories) ? json.repositories : [];
            for (const name of names) if (typeof name === "string") repositories.push(name);
          }
          return { repositories };
        });
      },
    }),
  };
}
