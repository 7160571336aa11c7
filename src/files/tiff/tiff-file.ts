import { basename } from 'node:path';
import { DeepYeastError } from '../../errors';
import { RandomAccessFile } from '../random-access-file';
import { type Dimensions, readDimensions } from './dimensions';
import { readDirectories } from './directory';
import { type OmePlane, omePlanes } from './ome-xml';
import { type PageLayout, readPage, type TiffPage } from './page';
import { readPlanes } from './read-planes';
import type { Samples } from './samples';

/**
 * An open TIFF file (TIFF 6.0 or BigTIFF). The structure of every page was checked: its fields, strips and tiles lie
 * within the file, and no page has more than 2^26 samples or 256 MiB. Pixels are read when they are asked for, from where
 * they are; the file as a whole is never in memory, unless it is small.
 */
export class TiffFile {
  readonly path: string;
  /** All pages in their order, masks and thumbnails (`kind`) among them. */
  readonly pages: readonly TiffPage[];
  /** A description may be damaged in a file whose pages are sound. */
  private readonly told: Dimensions | DeepYeastError;
  private readonly file: RandomAccessFile;
  private readonly layouts: readonly PageLayout[];

  private constructor(
    path: string,
    file: RandomAccessFile,
    pages: readonly TiffPage[],
    layouts: readonly PageLayout[],
    told: Dimensions | DeepYeastError,
  ) {
    this.path = path;
    this.file = file;
    this.pages = pages;
    this.layouts = layouts;
    this.told = told;
  }

  static async open(path: string, file: RandomAccessFile): Promise<TiffFile> {
    return namingPath(path, async () => {
      const directories = await readDirectories(file);
      const pages: TiffPage[] = [];
      const layouts: PageLayout[] = [];
      for (const [index, directory] of directories.entries()) {
        const { page, layout } = await readPage(directory, index);
        pages.push(page);
        layouts.push(layout);
      }
      const images = pages.filter((page) => page.kind === 'image').length;
      const [first] = directories as [(typeof directories)[0]];
      const told = await namingPath(path, () => readDimensions(first, images)).catch((error: DeepYeastError) => error);
      if (told instanceof DeepYeastError && told.code !== 'image-invalid') throw told;
      return new TiffFile(path, file, pages, layouts, told);
    });
  }

  /**
   * What the file says of its pages: channels, slices, frames.
   * @throws image-invalid where its description is damaged or contradicts the pages
   */
  get dimensions(): Dimensions {
    if (this.told instanceof DeepYeastError) throw this.told;
    return this.told;
  }

  /** Pages that are neither masks nor thumbnails. */
  get images(): TiffPage[] {
    return this.pages.filter((page) => page.kind === 'image');
  }

  /**
   * Where each plane of an image of the OME description is, in that file or another; none without such a description. A
   * plane of which the description says nothing is left out.
   * @throws image-invalid where the description contradicts itself
   */
  async omePlanes(image = 0): Promise<OmePlane[]> {
    const { ome } = this.dimensions;
    const found = ome?.images[image];
    if (!ome || !found) return [];
    return namingPath(this.path, async () => omePlanes(found, basename(this.path), ome.uuid));
  }

  /**
   * One sample of one page, row by row, in the file's own type: whole numbers of 8, 16 or 32 bits (those of other sizes in
   * the next larger type), float32 or float64. Samples of which 0 is white are inverted.
   * @param page number of the page in `pages`
   * @throws image-invalid; invalid-argument for a page or sample that is not there
   */
  async readPlane(page: number, sample = 0): Promise<Samples> {
    const [plane] = await this.readPlanes(page, [sample]);
    return plane as Samples;
  }

  /** Several samples of one page, unpacked once. */
  async readPlanes(page: number, samples: readonly number[]): Promise<Samples[]> {
    const found = this.pages[page];
    const layout = this.layouts[page];
    if (!found || !layout) {
      throw new DeepYeastError(
        'invalid-argument',
        `${this.path} has ${this.pages.length} pages, expected page ${page}`,
      );
    }
    for (const sample of samples) {
      if (!(Number.isInteger(sample) && sample >= 0 && sample < found.samples)) {
        throw new DeepYeastError(
          'invalid-argument',
          `page ${page} of ${this.path} has ${found.samples} samples, expected sample ${sample}`,
        );
      }
    }
    return namingPath(this.path, () => readPlanes(this.file, found, layout, samples));
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/**
 * Opens a TIFF file and checks every page.
 * @throws image-invalid with the path and what is wrong; io-error where the file cannot be read
 */
export async function openTiff(path: string): Promise<TiffFile> {
  const file = await RandomAccessFile.open(path);
  try {
    return await TiffFile.open(path, file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Errors of the file's content become image-invalid, with the path; the environment's stay io-error. */
async function namingPath<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DeepYeastError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
    const environment =
      typeof code === 'string' && ['EIO', 'EMFILE', 'ENFILE', 'EACCES', 'ENOMEM', 'ESTALE'].includes(code);
    throw new DeepYeastError(environment ? 'io-error' : 'image-invalid', `${path}: ${reason}`, { cause: error });
  }
}
