/**
 * Accuracy, and the mean recall over the classes that occur, of calls by the largest of each row's `classes` values (ties
 * to the lower class).
 */
export function accuracyOf(
  posteriors: Float32Array | Float64Array,
  truth: Int32Array,
  classes: number,
): { accuracy: number; macroRecall: number } {
  const correct = new Float64Array(classes);
  const counts = new Float64Array(classes);
  for (const [row, label] of truth.entries()) {
    const votes = posteriors.subarray(row * classes, (row + 1) * classes);
    const call = votes.indexOf(Math.max(...votes));
    counts[label] = (counts[label] ?? 0) + 1;
    if (call === label) correct[label] = (correct[label] as number) + 1;
  }
  const recalls = [...counts.keys()]
    .filter((k) => counts[k])
    .map((k) => (correct[k] as number) / (counts[k] as number));
  return {
    accuracy: correct.reduce((sum, value) => sum + value, 0) / truth.length,
    macroRecall: recalls.reduce((sum, value) => sum + value, 0) / recalls.length,
  };
}
