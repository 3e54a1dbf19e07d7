import { bareMediaType } from "../content/media_types.ts";

/** A media type by RFC 6838, 4.2, in lower case and without parameters. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;

/**
 * The media type that a text names: in lower case, without parameters; `undefined` where it names
 * none. Clients in .NET and Java add `; charset=utf-8` to manifests, and others compare the whole.
 */
export function mediaTypeIn(text: string): string | undefined {
  const type = bareMediaType(text);
  return MEDIA_TYPE.test(type) ? type : undefined;
}
