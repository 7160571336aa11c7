/**
 * What a layer of a Keras weights file is. Such a file lists names and weights, no settings: names are Keras's own
 * (`max_pooling2d_3`) or people's (`pool3`). A name that means a layer which the DeepYeast network does not have, that says
 * something else than the weights, or that says nothing where there are no weights, is a problem rather than a guess.
 */

export type NamedKind =
  | 'input'
  | 'convolution'
  | 'dense'
  | 'normalization'
  | 'pool'
  | 'dropout'
  | 'flatten'
  /** Some activation; ReLU between layers, softmax at the end. */
  | 'activation'
  | 'relu'
  | 'softmax';

/** Kinds of layers that compute something else, by what stands in their names. */
const foreign =
  /average|avg|global|transpose|deconv|depthwise|separable|locally|spatial|gaussian|alpha_?drop|noise|leaky|prelu|thresholded|(^|[^a-z])r?elu6|(^|[^rp])elu|selu|gelu|silu|swish|crelu|sigmoid|tanh|softplus|softsign|hard_|stride|dilat|atrous|valid|padding|crop|up_?sampl|reshape|permute|lambda|add(_|\d|$)|merge|concat|multiply|subtract|average|maximum|minimum|dot(_|\d|$)|rescal|resiz|lrn|layer_?norm|group_?norm|instance_?norm|1d|3d/;

const named: readonly [NamedKind, RegExp][] = [
  ['pool', /pool/],
  ['dropout', /drop/],
  ['flatten', /flat/],
  ['softmax', /softmax|predict|prob|posterior/],
  ['relu', /relu/],
  ['activation', /activation|^act(_|\d|$)|_act(_|\d|$)/],
  ['input', /input|^data(_|\d|$)|^image/],
];

/** What weights say: the kernel's dimensions tell a convolution from a dense layer. */
function weighted(parts: readonly string[], kernelDimensions: number | undefined): NamedKind | undefined {
  if (parts.includes('moving_mean')) return 'normalization';
  if (kernelDimensions === 4) return 'convolution';
  return kernelDimensions === 2 ? 'dense' : undefined;
}

export function namedKind(
  name: string,
  parts: readonly string[],
  kernelDimensions: number | undefined,
): NamedKind | { problem: string } {
  // conv2d_1, Conv1_Pool and convPool alike.
  const plain = name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
  if (foreign.test(plain)) return { problem: `has the layer ${name}, which the DeepYeast network does not have` };
  const [said] = named.find(([, pattern]) => pattern.test(plain)) ?? [];
  if (parts.length === 0) {
    if (said !== undefined) return said;
    return {
      problem: `has the layer ${name} without weights, whose name does not say what it is; give the whole model (save, not save_weights)`,
    };
  }
  const kind = weighted(parts, kernelDimensions);
  if (kind === undefined) {
    return {
      problem:
        `has the layer ${name} with the weights ${parts.join(', ')}; expected a convolution or dense layer (kernel, bias) ` +
        'or a batch normalization (gamma, beta, moving_mean, moving_variance)',
    };
  }
  // The dense layer before a softmax is often named for it.
  const contradicts = said !== undefined && said !== 'input' && !(kind === 'dense' && said === 'softmax');
  if (contradicts)
    return { problem: `has the layer ${name}, which holds weights of a ${kind} but is named as a ${said}` };
  return kind;
}
