//! The scripts, and where shells look for them.

use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "bash" => Some(Self::Bash),
            "zsh" => Some(Self::Zsh),
            "fish" => Some(Self::Fish),
            _ => None,
        }
    }

    pub(crate) const fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("rpm.bash"),
            Self::Zsh => include_str!("rpm.zsh"),
            Self::Fish => include_str!("rpm.fish"),
        }
    }

    /// One for each name of the program where the shell looks by name.
    pub(crate) fn files(self, data: &Path, config: &Path) -> Vec<PathBuf> {
        let both = |folder: PathBuf, ending: &str| {
            ["rpm", "rpm-native"].map(|name| folder.join(format!("{name}{ending}"))).to_vec()
        };
        match self {
            Self::Bash => both(data.join("bash-completion/completions"), ""),
            Self::Zsh => vec![data.join("zsh/site-functions/_rpm")],
            Self::Fish => both(config.join("fish/completions"), ".fish"),
        }
    }

    /// What is left to do.
    pub(crate) const fn hint(self) -> &'static str {
        match self {
            Self::Bash => {
                "new shells have it, where bash-completion is installed; else, in ~/.bashrc: source <(rpm completion bash)"
            }
            Self::Zsh => "in ~/.zshrc, before compinit: fpath+=(${XDG_DATA_HOME:-~/.local/share}/zsh/site-functions)",
            Self::Fish => "new shells have it",
        }
    }
}
