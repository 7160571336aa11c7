/** An image as its file stores it, and which of its planes are wanted. */
import type { Samples } from '../files/tiff';

export interface RawImage {
  width: number;
  height: number;
  /** Whether the samples are 8-bit, which are taken as they are. */
  eightBit: boolean;
  /** How the samples are stored, for messages: `16-bit`, `32-bit float`. */
  sampleType: string;
  /** One a requested channel. */
  planes: Samples[];
}

/** Which plane of a file is a channel. */
export interface ChannelChoice {
  /** Name in the dataset. */
  name: string;
  /** Plane in the file: an index from 0, or a name (OME-TIFF, or red, green, blue). Left out: by name, else by position. */
  plane?: string;
}

/** Throws where an image of so many pixels is not wanted: asked before they are unpacked. */
export type AcceptSize = (width: number, height: number) => void;
