/** What a layout finds: planes of fields, and what it read about plates and channels. */

/** Enough to read one plane. */
export interface PlaneSource {
  /** The file; of an OME-Zarr plate the folder of the image. */
  path: string;
  /** Page of a TIFF, from 0. Left out: the file holds one plane, or one z-stack that its description tells. */
  page?: number;
  /** Sample of a page with several, from 0. */
  sample?: number;
  /** Number of the plane in its z-stack: as the file's name writes it, from 0 in OME-TIFF and OME-Zarr. */
  z?: number;
  /** Of an OME-Zarr image: the array within it, and the plane's indices on all axes but the last two. */
  zarr?: { array: string; index: number[] };
}

export interface FoundPlane {
  plate: string;
  /** A01 where it is a well's name. */
  well: string;
  field: string;
  /** As the layout writes it: the key by which channels are told apart. */
  channel: string;
  t: number;
  source: PlaneSource;
  protein?: string;
  /** What else the pattern names. */
  columns?: Record<string, string>;
  /** Micrometres a pixel. */
  pixelSize?: number;
  /** Of the field, in micrometres; of Harmony from the middle of the well. */
  position?: { x: number; y: number };
}

/** A channel that a source has. */
export interface ChannelFound {
  /** As in FoundPlane. */
  id: string;
  /** Other texts that mean this channel: `1` and `ch1`, the name in the microscope's index. */
  aliases: string[];
  /** The name that a person gave it. */
  name?: string;
}

/** Where layouts put what they find. */
export interface FoundPlanes {
  plane(found: FoundPlane): void;
  channel(channel: ChannelFound): void;
  hasChannel(id: string): boolean;
  /** A field or file that cannot be used. */
  problem(path: string, reason: string, code?: 'image-invalid' | 'io-error'): void;
  /** A file that is not taken. */
  leftOut(path: string, reason: string): void;
  warning(text: string): void;
}

/** The files of a source. */
export interface SourceFiles {
  root: string;
  /** Relative to the root, with `/`. */
  paths: string[];
  /** Folders that hold a Zarr hierarchy each. */
  zarrFolders: string[];
}

/** What a microscope noted of a plate beside its images. */
export interface PlateNotes {
  /** Paths of the files that were read for it. */
  files: ReadonlySet<string>;
  /** By the channel's key. */
  channelNames: ReadonlyMap<string, string>;
  /** What is known of an image. */
  of(path: string, channel: string): Pick<FoundPlane, 'pixelSize' | 'position'>;
}
