import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import * as api from '../../src/index';
import { projectRoot } from '../shared-data';

/** `kind Name`, one line an export of src/index.ts, with a class's public members below it. */
function describeExports(): string[] {
  const entry = join(projectRoot, 'src', 'index.ts');
  const config = ts.getParsedCommandLineOfConfigFile(
    join(projectRoot, 'tsconfig.build.json'),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
        throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
      },
    },
  );
  const program = ts.createProgram([entry], config!.options);
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!;
  return checker
    .getExportsOfModule(module)
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((symbol) => [`${kind(symbol)} ${symbol.name}`, ...classMembers(symbol)]);
}

function kind(symbol: ts.Symbol): string {
  if (symbol.flags & ts.SymbolFlags.Class) return 'class';
  if (symbol.flags & ts.SymbolFlags.Function) return 'function';
  if (symbol.flags & ts.SymbolFlags.Variable) return 'const';
  return 'type';
}

function classMembers(symbol: ts.Symbol): string[] {
  if (!(symbol.flags & ts.SymbolFlags.Class)) return [];
  const isHidden = (member: ts.Symbol) =>
    (member.declarations ?? []).some(
      (declaration) =>
        ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected) ||
        ts.isPrivateIdentifier((declaration as ts.PropertyDeclaration).name ?? ts.factory.createIdentifier('')) ||
        ts.getJSDocTags(declaration).some((tag) => tag.tagName.text === 'internal'),
    );
  const named = (prefix: string, table: ts.SymbolTable | undefined) =>
    [...(table?.values() ?? [])]
      .filter((member) => !['prototype', '__constructor'].includes(member.name) && !isHidden(member))
      .map((member) => `  ${prefix}${member.name.replace(/^__@(\w+)@\d+$/, '[Symbol.$1]')}`);
  return [...named('static ', symbol.exports), ...named('', symbol.members)].sort();
}

test('the public API is what it was; a change is deliberate and stands in CHANGELOG.md', async () => {
  await expect(`${describeExports().join('\n')}\n`).toMatchFileSnapshot('public-api.txt');
});

test('every value of the types exists at run time', () => {
  const declared = describeExports()
    .filter((line) => /^(class|function|const) /.test(line))
    .map((line) => line.split(' ')[1]);
  expect(Object.keys(api).sort()).toEqual(declared.sort());
});
