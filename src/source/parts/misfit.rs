//! Why an object, a folder or a manifest is not one whole result; each said to the person who can change it.

use super::one_of_several::OneOfSeveral;

/// What is wrong with how a result is put together.
#[derive(Debug, thiserror::Error)]
pub enum Misfit {
    /// One file of several, where each object counts as a whole result.
    #[error("{0}")]
    OneOfSeveral(Box<OneOfSeveral>),
    /// A direct command names something else than the object that stands for a result.
    #[error("{is}: {instead}")]
    NotTheResult {
        /// What it is.
        is: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// A name that writers give to what is no data.
    #[error(
        "its name or folder is one that writers give to what is no data (it begins with _ or ., or is that of an unfinished job): if it is a result, drop it under another name; if the job writes a folder, set result_files to folder in the destination secret"
    )]
    Hidden,
    /// What Athena writes beside the result of each query.
    #[error(
        "this is the description that Athena writes beside each query result, and no result: let the query's result location lie outside the results prefix, and copy the .csv alone"
    )]
    AthenaMetadata,
    /// A folder, or one above it, is a table whose log says which of its files count.
    #[error(
        "{folder} is a table of {lake} ({evidence}), and its files hold rows that were deleted, too: export a query of it into a folder of its own, and never the table itself ({statement})"
    )]
    NotATable {
        /// S3 URL of the folder, with its `/` at the end.
        folder: String,
        /// Whose format it is.
        lake: &'static str,
        /// What shows that it is one.
        evidence: &'static str,
        /// The statements that export.
        statement: &'static str,
    },
    /// A file of Databricks that says which files count, and cannot be understood.
    #[error(
        "it has {file}, which cannot be understood, so nobody knows which of the files count: write the folder again, or turn the commit protocol off (spark.sql.sources.commitProtocolClass)"
    )]
    Commit {
        /// S3 URL of the file.
        file: String,
    },
    /// A file that a job of Databricks committed and none removed is not there.
    #[error(
        "{commit} says that {part} was added, but it is not there, and no _committed_ file says that it was removed: run the job again into an empty folder, or, if the file was deleted on purpose, delete {commit} and what else it lists as added"
    )]
    MissingCommitted {
        /// S3 URL of the file that lists it.
        commit: String,
        /// S3 URL of the part.
        part: String,
    },
    /// A manifest that lists nothing.
    #[error(
        "the manifest lists no file, as where the query had no rows: an empty audience is only believed of a file with a header. Check the query; where an empty result is right, unload one file with a header (Redshift: FORMAT CSV HEADER PARALLEL OFF) and set result_files to single"
    )]
    EmptyManifest,
    /// All that a result has are files without even a header.
    #[error(
        "none of its {files} files has even a header: check the query, and unload a header so that an empty result is a result"
    )]
    AllEmpty {
        /// How many files there are.
        files: usize,
    },
    /// None of the files that a manifest lists is there.
    #[error("the manifest lists {files} files that need not be there, and none is: unload the result again")]
    NoneThere {
        /// How many it lists.
        files: usize,
    },
    /// A manifest where a file of rows should be.
    #[error(
        "this is a manifest, which lists the files of a result: set result_files to manifest in the destination secret, or unload one file without a manifest (Redshift: PARALLEL OFF)"
    )]
    IsManifest,
    /// A manifest that cannot be read.
    #[error("this is no manifest of Redshift or Athena: {what}")]
    Manifest {
        /// What is wrong with it.
        what: String,
    },
    /// A manifest names a file outside its bucket, itself, or one of the function's own.
    #[error("it lists {part}, which is no result file of this bucket: unload the parts beside their manifest")]
    ForeignPart {
        /// S3 URL of the part.
        part: String,
    },
    /// A manifest names a file that is not there.
    #[error("it lists {part}, which does not exist: unload the result again")]
    MissingPart {
        /// S3 URL of the part.
        part: String,
    },
    /// A file is shorter or longer than its manifest says.
    #[error("it gives {part} {expected} bytes, but there are {found}: unload the result again")]
    PartLength {
        /// S3 URL of the part.
        part: String,
        /// Bytes according to the manifest.
        expected: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// A marker without data.
    #[error(
        "there are no data files beside it (subfolders and names beginning with _ or . do not count): unload the result into this folder"
    )]
    NoParts,
    /// A marker whose files were all written by jobs that did not end, or were removed again.
    #[error(
        "none of the {files} data files beside it counts: by the _started_ and _committed_ files of Databricks their jobs did not end, or they were removed: run the job again"
    )]
    NoneCommitted {
        /// How many data files there are.
        files: usize,
    },
    /// More parts than are read.
    #[error("the result has more than {limit} files: unload fewer and larger ones")]
    TooManyParts {
        /// The planned number.
        limit: usize,
    },
    /// The parts of one result do not belong together.
    #[error("its columns differ from those of {first}: the parts of one result must come from one query")]
    OtherColumns {
        /// S3 URL of the first part.
        first: String,
    },
}

impl Misfit {
    /// Returns the stable name of the error for alarms.
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::NotATable { .. } => "NotATable",
            Self::EmptyManifest | Self::AllEmpty { .. } | Self::NoneThere { .. } => "SourceEmpty",
            _ => "SourceInvalid",
        }
    }

    /// Tells people who do not know this program what is wrong, as the end of a sentence, where that is more than that nothing is in it.
    pub const fn plain(&self) -> Option<&'static str> {
        Some(match self {
            Self::OneOfSeveral(one) if one.was_loaded_alone() => {
                "the file looks like one of several that make one result together, of which another was loaded alone, so that the \
                 segment holds a part only"
            }
            Self::OneOfSeveral(_) => "the file looks like one of several that make one result together",
            Self::NotTheResult { .. } => "what was asked for is not the file that stands for a result",
            Self::Hidden | Self::AthenaMetadata | Self::IsManifest => {
                "the file is of a kind that is no list of contacts"
            }
            Self::NotATable { .. } => "the file belongs to a table, and is no result of a query",
            Self::EmptyManifest | Self::AllEmpty { .. } | Self::NoneThere { .. } => return None,
            Self::Commit { .. }
            | Self::MissingCommitted { .. }
            | Self::Manifest { .. }
            | Self::ForeignPart { .. }
            | Self::MissingPart { .. }
            | Self::PartLength { .. }
            | Self::NoParts
            | Self::NoneCommitted { .. }
            | Self::TooManyParts { .. }
            | Self::OtherColumns { .. } => "the files of the result are not whole, or do not belong together",
        })
    }

    /// Returns whether it is the files that do not fit, so that others lay there where they did.
    pub const fn is_about_the_files(&self) -> bool {
        matches!(
            self,
            Self::Commit { .. }
                | Self::MissingCommitted { .. }
                | Self::NoneThere { .. }
                | Self::MissingPart { .. }
                | Self::PartLength { .. }
                | Self::NoParts
                | Self::NoneCommitted { .. }
                | Self::TooManyParts { .. }
        )
    }

    /// Returns whether the object is refused for what it is, so that nothing went wrong.
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::OneOfSeveral(_)
                | Self::NotTheResult { .. }
                | Self::Hidden
                | Self::AthenaMetadata
                | Self::NotATable { .. }
                | Self::EmptyManifest
                | Self::AllEmpty { .. }
                | Self::NoneThere { .. }
                | Self::IsManifest
        )
    }
}
