/** Exit statuses of the command line, by kind of failure. */
export const exitStatus = {
  failure: 1,
  usage: 2,
  data: 3,
  device: 4,
  skipped: 5,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

interface ErrorEntry {
  /** What the command line exits with. */
  readonly exit: number;
  /** What to do about it, in one sentence, for the documentation and below the message. */
  readonly remedy: string;
}

/** The one table of error codes: every DeepYeastError carries one of these. Sorted by code. */
export const errorTable = {
  aborted: { exit: exitStatus.failure, remedy: 'The work was cancelled by its AbortSignal; start it again.' },
  'addon-missing': {
    exit: exitStatus.failure,
    remedy: 'Build the native addon with `npm rebuild deepyeast` (needs a C++17 compiler and CMake).',
  },
  'archive-unsafe': {
    exit: exitStatus.data,
    remedy: 'Do not use this archive: it holds entries that an archive of data has no reason to hold.',
  },
  'class-unknown': {
    exit: exitStatus.data,
    remedy: 'Use a model trained with this class, or drop its cells from the dataset.',
  },
  closed: { exit: exitStatus.failure, remedy: 'Create or load a new network: this one was closed.' },
  'cublas-missing': {
    exit: exitStatus.device,
    remedy:
      'Install cuBLAS of the CUDA version that the message names (`pip install nvidia-cublas`, or the CUDA toolkit), or name its folder in DEEPYEAST_CUDA_LIBRARIES.',
  },
  'cuda-architecture': {
    exit: exitStatus.device,
    remedy:
      'Rebuild the CUDA library for this device (DEEPYEAST_CUDA_ARCHITECTURES), or use a device of compute capability 8.0 or later.',
  },
  'cuda-device-missing': {
    exit: exitStatus.device,
    remedy:
      "Make an NVIDIA device visible (`nvidia-smi`, CUDA_VISIBLE_DEVICES, the container's `--gpus`), or use `--device cpu`.",
  },
  'cuda-driver-missing': {
    exit: exitStatus.device,
    remedy: 'Install the NVIDIA driver (in a container, start it with the NVIDIA runtime), or use `--device cpu`.',
  },
  'cuda-driver-old': {
    exit: exitStatus.device,
    remedy: 'Install an NVIDIA driver for the CUDA version that the message names.',
  },
  'cuda-failure': {
    exit: exitStatus.device,
    remedy:
      'Run `deepyeast doctor --device cuda`; if it finds nothing, please report the message. A run can be resumed, also with `--device cpu`.',
  },
  'cuda-library-missing': {
    exit: exitStatus.device,
    remedy:
      'On Linux x64 run `npm install @deepyeast/cuda-linux-x64`, of the version of deepyeast; or build it: install nvcc and cuDNN 9, then `DEEPYEAST_CUDA=on npm rebuild deepyeast`; or use `--device cpu`.',
  },
  'cudnn-missing': {
    exit: exitStatus.device,
    remedy:
      "Install cuDNN 9 (`pip install nvidia-cudnn-cu13`, or the system's package), or name its folder in DEEPYEAST_CUDA_LIBRARIES.",
  },
  'cudnn-old': {
    exit: exitStatus.device,
    remedy: 'Install a later cuDNN 9 (`pip install --upgrade nvidia-cudnn-cu13`).',
  },
  'dataset-invalid': { exit: exitStatus.data, remedy: 'Re-create the dataset with `deepyeast import`.' },
  'download-failed': {
    exit: exitStatus.failure,
    remedy: 'Repeat the command: it goes on where it stopped; check the network and the proxy (HTTPS_PROXY, NO_PROXY).',
  },
  'download-mismatch': {
    exit: exitStatus.data,
    remedy: 'Do not use what was downloaded: it is not the registered file; try again later or from another mirror.',
  },
  'disk-full': { exit: exitStatus.failure, remedy: 'Free some disk space and repeat; nothing was overwritten.' },
  'foreign-model-invalid': {
    exit: exitStatus.data,
    remedy: 'Give the weights of such a network as Keras 2 or Caffe wrote them; docs/models.md says what is read.',
  },
  'image-invalid': {
    exit: exitStatus.data,
    remedy: 'Repair or remove the image, or pass `--on-error skip` to go on without it.',
  },
  'images-truncated': {
    exit: exitStatus.data,
    remedy: 'images.npy is shorter than its header says: copy it again or re-run `deepyeast import`.',
  },
  'invalid-argument': { exit: exitStatus.usage, remedy: 'Correct the argument that the message names.' },
  'io-error': { exit: exitStatus.failure, remedy: 'Check that the path exists and that you may read or write it.' },
  'isa-unavailable': {
    exit: exitStatus.device,
    remedy: 'Unset DEEPYEAST_ISA, or set it to an instruction set that this processor has.',
  },
  'labels-invalid': { exit: exitStatus.data, remedy: 'Correct the label list or the labels in cells.csv.' },
  'device-unavailable': { exit: exitStatus.device, remedy: 'Run `deepyeast doctor` to see which devices can be used.' },
  'invalid-topology': { exit: exitStatus.usage, remedy: 'Correct the field of the topology that the message names.' },
  'loss-diverged': {
    exit: exitStatus.failure,
    remedy:
      'Start a run with a lower learning rate, from the last good checkpoint (`--from RUN/last.safetensors`) if you like: it was kept.',
  },
  'model-invalid': { exit: exitStatus.data, remedy: 'Use another checkpoint: this file is not a deepyeast model.' },
  'model-mismatch': { exit: exitStatus.data, remedy: 'Use a model and a dataset of the same channels and image size.' },
  'output-exists': { exit: exitStatus.usage, remedy: 'Give another output path, or remove what is there.' },
  'recipe-invalid': {
    exit: exitStatus.usage,
    remedy: 'Correct the field of the recipe that the message names; what is left out is taken from the paper.',
  },
  internal: { exit: exitStatus.failure, remedy: 'This is a bug in deepyeast: please report it with the message.' },
  'nvrtc-missing': {
    exit: exitStatus.device,
    remedy:
      'Install NVRTC of the CUDA version that the message names (`pip install nvidia-cuda-nvrtc`, or the CUDA toolkit), or name its folder in DEEPYEAST_CUDA_LIBRARIES.',
  },
  'out-of-memory': {
    exit: exitStatus.failure,
    remedy: 'Use a smaller batch, a smaller network or a machine with more memory.',
  },
  'registry-invalid': {
    exit: exitStatus.usage,
    remedy: 'Correct the field of the registry that the message names; docs/models.md has an example.',
  },
  'rule-mismatch': {
    exit: exitStatus.data,
    remedy: 'Re-import the images with the rule of the model (`--rule-from`), or pass `--allow-rule-mismatch`.',
  },
  'run-exists': { exit: exitStatus.usage, remedy: 'Choose another run folder, or continue this one with `--resume`.' },
  'run-invalid': {
    exit: exitStatus.data,
    remedy: 'Start again in another run folder: this one was changed by something else than deepyeast.',
  },
  'run-locked': { exit: exitStatus.failure, remedy: 'Wait for the other process, or choose another run folder.' },
  'run-mismatch': {
    exit: exitStatus.usage,
    remedy: 'Resume with the data, recipe, network and seed of the run, or start a new run in another folder.',
  },
  'scheduler-failed': {
    exit: exitStatus.failure,
    remedy:
      'Submit where the scheduler is (`sbatch --version`), or look at what `--dry-run` prints and submit that by hand.',
  },
  'screen-incomplete': {
    exit: exitStatus.data,
    remedy: 'Run the shards that the message names (`deepyeast screen run RESULTS --shard K`), then merge again.',
  },
  'split-impossible': {
    exit: exitStatus.data,
    remedy: 'Give fewer parts, or pass `--allow-missing` to leave the class out of some parts.',
  },
  'table-invalid': { exit: exitStatus.data, remedy: 'Correct the row of the table that the message names.' },
  'version-mismatch': {
    exit: exitStatus.device,
    remedy: 'Rebuild deepyeast (`npm rebuild deepyeast`): the file that the message names was left by another version.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;

/** Every failure of the library: a stable `code` from errorTable and a message for the user. */
export class DeepYeastError extends Error {
  override readonly name = 'DeepYeastError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** The exit status of the command line for this error. */
  get exitStatus(): number {
    return errorTable[this.code].exit;
  }

  /** What to do about it. */
  get remedy(): string {
    return errorTable[this.code].remedy;
  }
}

/** Node's own error as ours: ENOSPC, EDQUOT and EFBIG become `disk-full`, everything else `io-error`. */
export function fileError(action: string, path: string, cause: unknown): DeepYeastError {
  if (cause instanceof DeepYeastError) return cause;
  const code = (cause as NodeJS.ErrnoException)?.code;
  const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DeepYeastError(full ? 'disk-full' : 'io-error', `cannot ${action} ${path}: ${reason}`, { cause });
}

const permissionCodes = new Set(['EACCES', 'EPERM']);

/** Whether a file may not be read by this account. */
export function isPermissionError(cause: unknown): boolean {
  return permissionCodes.has((cause as NodeJS.ErrnoException)?.code ?? '');
}

/**
 * Why a reader of a foreign format gave up, in words for the user: its own message, but not what the JavaScript engine
 * says of the reader's arrays ("Offset is outside the bounds of the DataView") where the bytes led it astray.
 */
export function readerReason(error: unknown): string {
  const ofEngine = [RangeError, TypeError, SyntaxError, ReferenceError].some((kind) => error instanceof kind);
  if (ofEngine) return 'it is damaged or cut short: it points outside of itself, or its parts contradict each other';
  return error instanceof Error ? error.message : String(error);
}
