// Calls every entry point of the addon with wrong values; native-fuzz.test.ts runs it in a process of its own, so that a
// crash is a failure like any other. Arguments: the addon, the .npy file of an image store, the file that is given the
// present call (what is in it after a crash is the culprit), the seed, the number of calls.
const { closeSync, ftruncateSync, openSync, writeSync } = require('node:fs');
const { inspect } = require('node:util');
const fc = require('fast-check');

const [addonPath, npyPath, callPath, seed, numRuns] = process.argv.slice(2);
const addon = require(addonPath);
const callFile = openSync(callPath, 'w');

const size = 8;
const channels = 2;
const pixelsOf = (n) => new Uint8Array(n * size * size * channels);
const topology = () => ({
  imageSize: size,
  channels,
  blocks: [[4], [4]],
  dense: [8],
  classes: 3,
  dropout: 0.5,
  normalizationEpsilon: 1e-5,
  normalizationMomentum: 0.1,
});
const networkOptions = () => ({ topology: topology(), seed: 1, threads: 1, device: 'cpu' });
const storeOptions = () => ({ path: npyPath, offset: 128, count: 24, size, channels });
const optimizer = () => ({ momentum: 0.9, weightDecay: 0.0005, caffeMomentum: true, augment: false });
const batches = (store) => ({
  images: store,
  indices: new Uint32Array([0, 1, 2, 3]),
  labels: new Int32Array([0, 1, 2, 0]),
  batchSize: 2,
  iteration: 0,
  learningRates: new Float64Array([0.01, 0.01]),
  optimizer: optimizer(),
});

function detached(array) {
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

const trapError = new Error('thrown by a trap of the test');
const throwing = () => {
  throw trapError;
};

// Made anew for each call: a call may detach or close what it is given.
const wrongValues = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  NaN: () => Number.NaN,
  Infinity: () => Number.POSITIVE_INFINITY,
  '-Infinity': () => Number.NEGATIVE_INFINITY,
  '-0': () => -0,
  '-1': () => -1,
  0.5: () => 0.5,
  '2^31': () => 2 ** 31,
  '2^32': () => 2 ** 32,
  '2^32+1': () => 2 ** 32 + 1,
  '2^53': () => 2 ** 53,
  '2^63': () => 2 ** 63,
  '1e308': () => 1e308,
  '5e-324': () => 5e-324,
  'a bigint': () => 10n,
  'a symbol': () => Symbol('s'),
  'an empty string': () => '',
  'a string': () => 'conv1_1.weight',
  'a string with NUL': () => 'a\0b',
  'a lone surrogate': () => '\ud800',
  'a long string': () => 'x'.repeat(1 << 20),
  'an object': () => ({}),
  'an array': () => [],
  'a huge sparse array': () => new Array(2 ** 32 - 1),
  'an array of holes': () => new Array(3),
  'a nested array': () => [[[[]]]],
  'an array of NaN': () => [[Number.NaN]],
  'an array that calls itself': () => {
    const array = [];
    array.push(array);
    return array;
  },
  'a function': () => () => 1,
  'a class': () => addon.Network,
  'a date': () => new Date(0),
  'a promise': () => Promise.resolve(1),
  'a proxy': () => new Proxy({}, {}),
  'a proxy of an array': () => new Proxy([1, 2, 3], {}),
  'a proxy of a typed array': () => new Proxy(new Uint8Array(8), {}),
  'a proxy that throws': () =>
    new Proxy({}, { get: throwing, has: throwing, ownKeys: throwing, getPrototypeOf: throwing }),
  'a revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  'an object whose conversion throws': () => ({
    valueOf: throwing,
    toString: throwing,
    [Symbol.toPrimitive]: throwing,
  }),
  'an ArrayBuffer': () => new ArrayBuffer(64),
  'a detached ArrayBuffer': () => detached(new Uint8Array(64)).buffer,
  'a SharedArrayBuffer': () => new SharedArrayBuffer(64),
  'a DataView': () => new DataView(new ArrayBuffer(64)),
  'Uint8Array(0)': () => new Uint8Array(0),
  'Uint8Array(1)': () => new Uint8Array(1),
  'Uint8Array of two cells': () => pixelsOf(2),
  'Uint8Array of two cells and one byte': () => new Uint8Array(pixelsOf(2).length + 1),
  'a shared Uint8Array': () => new Uint8Array(new SharedArrayBuffer(pixelsOf(2).length)),
  'a detached Uint8Array': () => detached(pixelsOf(2)),
  'Uint32Array of huge indices': () => new Uint32Array([0xffffffff, 24, 0]),
  'Uint32Array(0)': () => new Uint32Array(0),
  'a detached Uint32Array': () => detached(new Uint32Array([0, 1, 2, 3])),
  'Int32Array of bad labels': () => new Int32Array([-1, 3, 2 ** 31 - 1, -(2 ** 31)]),
  'a detached Int32Array': () => detached(new Int32Array([0, 1, 2, 0])),
  'Float32Array of NaN': () => new Float32Array([Number.NaN, 1]),
  'Float64Array of odd rates': () => new Float64Array([Number.NaN, Number.NEGATIVE_INFINITY]),
  'a detached Float64Array': () => detached(new Float64Array(2)),
  'BigUint64Array(4)': () => new BigUint64Array(4),
  'a network': () => new addon.Network(networkOptions()),
  'an image store': () => new addon.ImageStore(storeOptions()),
  'a closed image store': () => {
    const store = new addon.ImageStore(storeOptions());
    store.close();
    return store;
  },
  'an object with the prototype of a network': () => Object.create(addon.Network.prototype),
  'an object with the prototype of an image store': () => Object.create(addon.ImageStore.prototype),
};

/** The places of a value into which a wrong one may be put: the value itself, and the fields of plain objects. */
function places(value, path = []) {
  const plain =
    value !== null &&
    typeof value === 'object' &&
    [Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value));
  return [path, ...(plain ? Object.keys(value).flatMap((key) => places(value[key], [...path, key])) : [])];
}

function replaced(value, path, wrong) {
  if (path.length === 0) return wrong;
  value[path[0]] = replaced(value[path[0]], path.slice(1), wrong);
  return value;
}

const network = () => new addon.Network(networkOptions());
const store = () => new addon.ImageStore(storeOptions());

// Entry points with arguments that are right, so that one wrong value is all that is wrong.
const entries = {
  'new Network': { args: () => [networkOptions()], call: (args) => new addon.Network(...args) },
  'Network()': { args: () => [networkOptions()], call: (args) => addon.Network(...args) },
  'new ImageStore': { args: () => [storeOptions()], call: (args) => new addon.ImageStore(...args) },
  'ImageStore()': { args: () => [storeOptions()], call: (args) => addon.ImageStore(...args) },
  lockFile: { args: () => [`${callPath}.lock`], call: (args) => addon.lockFile(...args)?.release() },
  philox: { args: () => [new Uint32Array(4), new Uint32Array(2)], call: (args) => addon.philox(...args) },
  machine: { args: () => [0], call: (args) => addon.machine(...args) },
  ...methods('Network', network, {
    tensor: () => ['conv1_1.weight'],
    setTensor: () => ['conv1_1.gamma', new Float32Array(4)],
    setInputTransform: () => [new Float32Array(size * size * channels), 1],
    trainSteps: () => [batches(store())],
    gradients: () => [pixelsOf(3), new Int32Array(3), 0, optimizer()],
    forward: () => [{ pixels: pixelsOf(2) }],
    'forward of a store': () => [{ store: store(), indices: new Uint32Array([1, 2]) }],
    activations: () => [{ pixels: pixelsOf(2) }, 'conv1_1', 'activated'],
    activationShape: () => ['conv1_1', 'activated'],
    writeTensors: () => [`${callPath}.tensors`, new Uint8Array(16), ['conv1_1.weight']],
    cancel: () => [0],
    close: () => [0],
  }),
  ...methods('ImageStore', store, {
    read: () => [new Uint32Array([0, 23])],
    mean: () => [new Uint32Array([0, 23])],
    close: () => [0],
  }),
};

function methods(className, create, table) {
  const method = (label) => label.split(' ')[0];
  return Object.fromEntries(
    Object.entries(table).map(([label, args]) => [
      `${className}.${label}`,
      {
        args,
        receiver: create,
        call: (values, receiver) => addon[className].prototype[method(label)].apply(receiver, values),
      },
    ]),
  );
}

/** Every way to spoil one call: a wrong value at one place of one argument, a wrong `this`, too few arguments. */
function spoiled(entry) {
  const kinds = entry
    .args()
    .flatMap((argument, index) => places(argument).map((path) => ({ kind: 'argument', index, path })));
  if (entry.receiver) kinds.push({ kind: 'this' });
  kinds.push({ kind: 'arguments missing' });
  return fc.record({ how: fc.constantFrom(...kinds), wrong: fc.constantFrom(...Object.keys(wrongValues)) });
}

const anyCall = fc
  .constantFrom(...Object.keys(entries))
  .chain((name) => spoiled(entries[name]).map(({ how, wrong }) => ({ name, how, wrong })));

async function outcome(name, how, wrong) {
  const entry = entries[name];
  const receiver = entry.receiver?.();
  let args = entry.args();
  let self = receiver;
  if (how.kind === 'this') self = wrongValues[wrong]();
  else if (how.kind === 'arguments missing') args = [];
  else args[how.index] = replaced(args[how.index], how.path, wrongValues[wrong]());
  try {
    const result = await entry.call(args, self);
    if (result instanceof addon.Network) await result.close();
    return undefined;
  } catch (error) {
    return { error };
  } finally {
    // What was right has stayed usable, or closed.
    if (receiver instanceof addon.Network) await receiver.close();
    else if (receiver) receiver.close();
  }
}

/** An error that a caller can work with: an Error with a stable code, JavaScript's own TypeError, or the trap's. */
function isTyped(error) {
  if (error === trapError) return true;
  if (!(error instanceof Error) || error.message === '') return false;
  return error instanceof TypeError || /^[a-z]+(-[a-z]+)*$/.test(error.code ?? '');
}

async function main() {
  let refused = 0;
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(anyCall, async ({ name, how, wrong }) => {
      ftruncateSync(callFile);
      writeSync(callFile, `${name} ${inspect(how)} ${wrong}\n`, 0);
      const failure = await outcome(name, how, wrong);
      if (!failure) accepted++;
      else if (isTyped(failure.error)) refused++;
      else throw new Error(`no typed error: ${inspect(failure.error)}`);
    }),
    { seed: Number(seed), numRuns: Number(numRuns), endOnFailure: true },
  );
  // After all that the addon still computes.
  const last = network();
  const { posteriors } = await last.forward({ pixels: pixelsOf(2) });
  await last.close();
  closeSync(callFile);
  process.stdout.write(`${JSON.stringify({ refused, accepted, posteriors: posteriors.length })}\n`);
}

main().catch((error) => {
  process.stderr.write(`${error.stack ?? error}\n`);
  process.exitCode = 1;
});
