#!/bin/bash
# Gives the learner a name for git, and a repository that has lost the branch "ending".
set -euo pipefail

export HOME=/home/learner
cd "$HOME"
cat > .gitconfig <<'END'
[user]
	name = Learner
	email = learner@example.org
[init]
	defaultBranch = main
[core]
	pager = cat
[advice]
	detachedHead = false
[gc]
	auto = 0
END

rm -rf rescue
git init -q rescue
cd rescue
# commit FILE TEXT MESSAGE
commit() {
    printf '%s\n' "$2" > "$1"
    git add "$1"
    git commit -q -m "$3"
}
commit chapter1.txt "The lighthouse keeper counted the ships." "Begin the story"
commit chapter2.txt "On Tuesday there was one ship too many." "Add the second chapter"
git switch -q -c joke
commit chapter3.txt "It was the postman, in a boat." "Try a silly ending"
git switch -q main
git switch -q -c ending
commit chapter3.txt "She lit the lamp and waited." "Let her wait"
commit chapter4.txt "The last ship was her own." "Write the ending"
git switch -q main
commit title.txt "One Ship Too Many" "Give it a title"
git branch -q -D ending joke
git reflog expire --expire=now --all

chown -R learner:learner "$HOME/.gitconfig" "$HOME/rescue"
