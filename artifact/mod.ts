/**
 * Artifacts: what is packed, attached to a subject, listed, told apart and unpacked, in any store.
 *
 * @module
 */
export { describe } from "./describe.ts";
export type {
  ArtifactKind,
  AttestationDescription,
  CosignSignatureDescription,
  Description,
  DescriptionBase,
  Evidence,
  HelmChartDescription,
  ImageDescription,
  IndexAttestation,
  IndexDescription,
  InTotoDescription,
  InvalidDescription,
  NotationDescription,
  OtherDescription,
  SbomDescription,
  SigstoreBundleDescription,
} from "./description.ts";
export type { Descriptor } from "../content/descriptor.ts";
