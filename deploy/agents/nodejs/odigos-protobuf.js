'use strict';
// As much of protobuf's encoding as OpAMP needs.

function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);

function fixed64(field, value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return Buffer.concat([varint(field * 8 + 1), bytes]);
}

function bytes(field, value) {
  const content = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
}

const entry = (field, key, value) => bytes(field, Buffer.concat([bytes(1, key), bytes(2, value)]));

/**
 * The fields of a protobuf message as [number, value] in order: a value is a number or a Buffer. Numbers above 2^53 lose
 * their last digits. Throws where the message is cut off.
 */
function fields(data) {
  const found = [];
  let at = 0;
  const readVarint = () => {
    let value = 0;
    for (let factor = 1; at < data.length && factor <= 2 ** 63; factor *= 0x80) {
      const byte = data[at++];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number is cut off');
  };
  while (at < data.length) {
    const tag = readVarint();
    const kind = tag % 8;
    const field = Math.floor(tag / 8);
    if (kind === 0) {
      found.push([field, readVarint()]);
      continue;
    }
    const size = kind === 1 ? 8 : kind === 5 ? 4 : kind === 2 ? readVarint() : Infinity;
    if (at + size > data.length) throw new RangeError('a field is cut off');
    found.push([field, data.subarray(at, at + size)]);
    at += size;
  }
  return found;
}

/** The value of a field, the last where there are several. */
function last(data, field, otherwise) {
  let value = otherwise;
  for (const [found, one] of fields(data)) if (found === field && typeof one === typeof otherwise) value = one;
  return value;
}

const EMPTY = Buffer.alloc(0);

module.exports = { EMPTY, number, fixed64, bytes, entry, fields, last };
