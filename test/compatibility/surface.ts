import { SyntaxKind } from 'typescript/unstable/ast';
import {
  type Checker,
  type Symbol as Declared,
  type Project,
  SignatureKind,
  SymbolFlags,
  type Type,
} from 'typescript/unstable/sync';

/** What a module exports, as its type declarations say it: what the compiler sees rather than what a pattern matches. */
export type Surface = ReadonlyMap<string, Export>;

export type ExportKind = 'class' | 'error' | 'function' | 'constant' | 'object' | 'type';

export interface Export {
  readonly name: string;
  readonly kind: ExportKind;
  /** Whether the name is one of a value, of a type, or both. */
  readonly isValue: boolean;
  readonly isType: boolean;
  /** How an instance of the class is written as a type, with `%` for the name of the module; null for what has none. */
  readonly instance: string | null;
  readonly members: ReadonlyMap<string, Member>;
}

/** A public member of a class or an object, or a property of a type. */
export interface Member {
  /** `Class#member`, `Class.staticMember`, `new Class`, `Type#property`. */
  readonly id: string;
  /** Its type, written with `%` for the name of the module. */
  readonly type: string;
  /** Of a method with overloads, how many; else 1. */
  readonly signatures: number;
}

/** Reads the exports of a module. `file` is its declarations', and in the project. */
export function readSurface(project: Project, file: string): Surface {
  const source = project.program.getSourceFile(file);
  const module = source && project.checker.getSymbolAtLocation(source);
  if (!module) throw new Error(`${file} is no module of ${project.configFileName}.`);
  const reader = new Reader(project);
  const all = project.checker.getExportsOfModule(module).map((symbol) => reader.read(symbol));
  return new Map(all.map((one) => [one.name, one]));
}

class Reader {
  readonly #project: Project;
  readonly #checker: Checker;

  constructor(project: Project) {
    this.#project = project;
    this.#checker = project.checker;
  }

  read(exported: Declared): Export {
    const { name } = exported;
    const symbol = exported.flags & SymbolFlags.Alias ? this.#checker.getAliasedSymbol(exported) : exported;
    const isValue = (symbol.flags & SymbolFlags.Value) !== 0;
    const isType = (symbol.flags & SymbolFlags.Type) !== 0;
    const value = isValue ? this.#checker.getTypeOfSymbol(symbol) : undefined;
    const base = { name, isValue, isType };
    if (!value) return { ...base, kind: 'type', instance: null, members: this.#typeMembers(symbol, name) };
    if (this.#checker.getSignaturesOfType(value, SignatureKind.Call).length > 0)
      return { ...base, kind: 'function', instance: null, members: new Map() };
    const made = this.#instanceOf(value, isType ? `%.${name}` : null, name);
    if (made) {
      const members = this.#classMembers(name, value, made);
      return { ...base, kind: /Error$/.test(name) ? 'error' : 'class', instance: made.written, members };
    }
    const isObject = value.isObjectType() && !this.#checker.isArrayLikeType(value);
    if (!isObject) return { ...base, kind: 'constant', instance: null, members: new Map() };
    const members = this.#members(value, (member) => `${name}.${member}`, `(typeof %.${name})`);
    return { ...base, kind: 'object', instance: null, members };
  }

  /** What `new` gives, or a `prototype` where there is no public `new`. */
  #instanceOf(value: Type, written: string | null, name: string): Instance | null {
    const [construct] = this.#checker.getSignaturesOfType(value, SignatureKind.Construct);
    const type = construct && this.#checker.getReturnTypeOfSignature(construct);
    if (type) {
      const declared = construct.declaration?.resolve(this.#project)?.getFullText();
      // Of a class that says nothing of `new`, it is meant where there is more than statics.
      const isPublic =
        declared === undefined
          ? this.#members(type, String, '').size > 0
          : !/@internal|\bprivate constructor/.test(declared);
      return { type, written: written ?? `InstanceType<typeof %.${name}>`, isPublic };
    }
    const prototype = this.#checker.getPropertyOfType(value, 'prototype');
    const shape = prototype && this.#checker.getTypeOfSymbol(prototype);
    return shape
      ? { type: shape, written: written ?? `(typeof %.${name})['prototype']`, isPublic: false }
      : null;
  }

  #classMembers(name: string, value: Type, { type, written, isPublic }: Instance): Map<string, Member> {
    const statics = this.#members(value, (member) => `${name}.${member}`, `(typeof %.${name})`);
    const own = this.#members(type, (member) => `${name}#${member}`, written, name);
    const all = new Map([...statics, ...own]);
    const id = `new ${name}`;
    if (isPublic)
      all.set(id, {
        id,
        type: `(...args: ConstructorParameters<typeof %.${name}>) => unknown`,
        signatures: 1,
      });
    return all;
  }

  #typeMembers(symbol: Declared, name: string): Map<string, Member> {
    const type = this.#checker.getDeclaredTypeOfSymbol(symbol);
    if (!type.isObjectType() || this.#checker.isArrayLikeType(type)) return new Map();
    return this.#members(type, (member) => `${name}#${member}`, `%.${name}`);
  }

  #members(type: Type, idOf: (name: string) => string, owner: string, errorName = ''): Map<string, Member> {
    const found = new Map<string, Member>();
    for (const symbol of this.#checker.getPropertiesOfType(type)) {
      if (!this.#isPublic(symbol)) continue;
      // What an error has from the base of all is told there.
      if (/Error$/.test(errorName) && symbol.name === 'code' && errorName !== 'MicrosandboxError') continue;
      const [written, index] = spell(symbol.escapedName as string);
      const id = idOf(written);
      const memberType = this.#checker.getTypeOfSymbol(symbol);
      const signatures = memberType
        ? this.#checker.getSignaturesOfType(memberType, SignatureKind.Call).length
        : 1;
      found.set(id, { id, type: `${owner}[${index}]`, signatures: Math.max(1, signatures) });
    }
    return found;
  }

  /** Neither private, nor marked as internal, nor of the language's own library, nor the `prototype` of a class. */
  #isPublic(symbol: Declared): boolean {
    if (symbol.flags & SymbolFlags.Prototype || symbol.name === 'prototype' || symbol.name.includes('#'))
      return false;
    if (symbol.getJsDocTags(this.#checker).some(({ name }) => name === 'internal')) return false;
    const [handle] = symbol.declarations;
    const declaration = handle?.resolve(this.#project);
    if (!declaration) return true;
    if (/\/(?:lib\.[\w.]+|@types\/node\/.*)\.d\.ts$/.test(declaration.getSourceFile().fileName)) return false;
    const modifiers = (declaration as { modifiers?: readonly { kind: SyntaxKind }[] }).modifiers ?? [];
    return !modifiers.some(
      ({ kind }) => kind === SyntaxKind.PrivateKeyword || kind === SyntaxKind.ProtectedKeyword,
    );
  }
}

interface Instance {
  readonly type: Type;
  readonly written: string;
  /** Whether whoever uses the module may call `new`. */
  readonly isPublic: boolean;
}

/** A member's name as one reads it, and as one writes it in brackets. */
function spell(name: string): [written: string, index: string] {
  const wellKnown = /^__@(\w+)@\d+$/.exec(name)?.[1];
  return wellKnown ? [`[Symbol.${wellKnown}]`, `typeof Symbol.${wellKnown}`] : [name, `'${name}'`];
}
