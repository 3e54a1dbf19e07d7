import type { Channel } from "../../transport/channel.ts";
import { BlobsApiV2 } from "./blobs.ts";
import { ReferrersApiV2, TagsApiV2 } from "./lists.ts";
import { ManifestsApiV2 } from "./manifests.ts";
import type { Ref } from "./ref.ts";

/** A repository: what `repo` of a client answers. */
export class RepoV2 {
  /** The reference it was made of, with the registry. */
  readonly ref: Ref;
  /** Its blobs. */
  readonly blobs: BlobsApiV2;
  /** Its manifests. */
  readonly manifests: ManifestsApiV2;
  /** What is attached to its manifests. */
  readonly referrers: ReferrersApiV2;
  /** Its tags. */
  readonly tags: TagsApiV2;

  /** A repository behind a channel. */
  constructor(channel: Channel, ref: Ref) {
    this.ref = ref;
    this.blobs = new BlobsApiV2(channel, ref);
    this.manifests = new ManifestsApiV2(channel, ref);
    this.referrers = new ReferrersApiV2(channel, ref);
    this.tags = new TagsApiV2(channel, ref);
  }
}
