import GRDB

/// The tables of `index.sqlite`. A file with another number is thrown away and made anew.
enum IndexSchema {
  static let number = 4

  static func create(in database: Database) throws {
    try database.execute(
      sql: """
        -- Folders of manifests, as they were when all manifests in them had been taken over.
        CREATE TABLE folders(path TEXT PRIMARY KEY, inode INTEGER, modified INTEGER) WITHOUT ROWID;
        -- Every manifest that has been taken over, by what tells it from its successor.
        CREATE TABLE manifests(
          folder TEXT, name TEXT, inode INTEGER, byteCount INTEGER, modified INTEGER,
          -- What the version shows.
          files INTEGER, presentedBytes INTEGER, hiddenFiles INTEGER,
          PRIMARY KEY(folder, name)
        ) WITHOUT ROWID;
        CREATE TABLE tables(id INTEGER PRIMARY KEY, digest BLOB UNIQUE NOT NULL);
        CREATE TABLE packs(id INTEGER PRIMARY KEY, digest BLOB UNIQUE NOT NULL);
        -- Which tables name a pack: they have its segments, too.
        CREATE TABLE tablePacks(
          pack INTEGER REFERENCES packs ON DELETE CASCADE, "table" INTEGER REFERENCES tables ON DELETE CASCADE,
          PRIMARY KEY(pack, "table")
        ) WITHOUT ROWID;
        CREATE INDEX tablePacksByTable ON tablePacks("table");
        -- What every pack holds, by segments. Rows of packs that are gone are removed with them, all at once.
        CREATE TABLE segments(
          digest BLOB, byteCount INTEGER, pack INTEGER, PRIMARY KEY(digest, byteCount, pack)
        ) WITHOUT ROWID;
        -- Files that are stitched, as JSON of the manifest's record.
        CREATE TABLE stitched(blob BLOB PRIMARY KEY, original BLOB NOT NULL) WITHOUT ROWID;
        -- SHA-256 of whole views, by what they depend on: a file's id or a table.
        CREATE TABLE sums(content BLOB, view TEXT, digest BLOB NOT NULL, PRIMARY KEY(content, view)) WITHOUT ROWID;
        PRAGMA user_version = \(number);
        """)
  }
}
